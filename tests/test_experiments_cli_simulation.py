"""The command line on a market with every mechanism: what `trace` tells, `simulate` shows in parts."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from checks import refuses
from commands import run
from markets import EVERY_MECHANISM, SMALL, TRAITS

from experiments.trace import trace_life
from policies.fixed import AsToday
from sim.engine import random_streams
from sim.market.clock import Market
from sim.scenario.file import load, parse
from sim.twin import build

pytestmark = pytest.mark.usefixtures("market_file")


# --- One customer's life ---


def test_trace_tells_a_life(tenure) -> None:
    """A story for people; for machines one row a period that adds up to it."""
    code, out, err = tenure("trace", "market.yaml", "--customer", 600, "--policy", "even-split", "--seed", 2)
    assert (code, err) == (0, "")
    assert out.startswith("Customer 600 of home under 'even split', seed 2; money in EUR.\nHidden from the firm: as a")
    assert "the end" in out
    assert "Next: tenure trace market.yaml --customer 600 --segment home --policy no-spend" in out
    code, line, err = tenure(
        "trace", "market.yaml", "--customer", 600, "--policy", "even-split", "--seed", 2, "--json", "--threads", 1
    )
    assert (code, err) == (0, "")
    life = json.loads(line)
    assert [row["period"] for row in life["rows"]] == list(range(8))
    assert life["rows"][0]["stage"] == "new"
    assert life["rows"][0]["satisfaction"] in (0, 25, 50, 75, 100)
    assert life["rows"][0]["ties"] in (0, 1, 2, 3)
    bought = sum(row["purchases"] for row in life["rows"])
    spent = sum(sum(row["spend"].values()) for row in life["rows"])
    assert f"In all: {bought} purchase" in out
    assert f"{spent:.2f} spent on it" in out


def test_lives_add_up_to_the_market(tenure) -> None:
    """Purchases, money and events of all customers told one by one are those of the market; so is the money spent."""
    content = {
        **EVERY_MECHANISM,
        "periods": 5,
        "segments": {"home": {"start": {"new": 7, "prospect": 3}, "traits": TRAITS}},
    }
    del content["word_of_mouth"]
    content["competitors"] = []
    twin = build(parse(content))
    history = Market(twin, AsToday(), twin.population(3, 0), seed=3).run()
    lives = [trace_life(twin, AsToday(), 1e9, customer=str(i), seed=3) for i in range(10)]
    assert len({life.purchase_rate for life in lives}) == 10
    for t in range(5):
        now = [life.moments[t] for life in lives]
        assert sum(moment.purchases for moment in now) == history.purchases[t].sum()
        assert sum(moment.revenue for moment in now) == pytest.approx(history.revenue[t].sum())
        assert sum(sum(moment.spend.values()) for moment in now) == pytest.approx(history.spend[t].sum())
        assert sum(moment.true == "alive" for moment in now) == history.alive[t].sum()
        points = [moment.satisfaction for moment in now if moment.satisfaction is not None]
        assert np.mean(points) == pytest.approx(history.satisfaction[t, 0])
        for event in ("won", "left"):
            assert sum(moment.event == event for moment in now) == history.events[event][t].sum()


def test_trace_of_one_still_to_be_born(tenure) -> None:
    """Who appears in the third month is not there before."""
    code, out, _ = tenure("trace", "market.yaml", "--customer", 800 + 2 * 20, "--segment", "home")
    assert code == 0
    assert "months 1 to 3  not there yet" in out
    code, out, _ = tenure("trace", "market.yaml", "--customer", 800 + 2 * 20, "--segment", "home", "--json")
    assert json.loads(out)["rows"][0]["stage"] is None


def test_trace_of_a_real_customer(tenure, tmp_path) -> None:
    """Found by the id in the firm's own file; of those still to be won by their number."""
    random = np.random.default_rng(3)
    lines = ["customer,date,amount"]
    for who in range(60):
        for day in np.cumsum(random.geometric(0.02, size=6)):
            lines.append(f"C-{who:03d},{np.datetime64('2024-01-01') + int(day)},{random.gamma(5, 6):.2f}")
    (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert tenure("calibrate", "orders.csv", "-o", "own.yaml", "--prospects", 50)[0] == 0
    code, out, err = tenure("trace", "own.yaml", "--customer", "C-017", "--json")
    assert (code, err) == (0, "")
    life = json.loads(out)
    assert life["customer"] == "C-017"
    assert tenure("trace", "own.yaml", "--customer", "C-017", "--segment", life["segment"], "--json")[1] == out
    twin = build(load(tmp_path / "own.yaml"))
    truth = twin.base.posterior.draw(0, random_streams.TRAITS, np.arange(60), 0)
    assert life["purchase_rate"] == pytest.approx(truth.purchase_rate[17], rel=1e-6)
    assert life["mean_spend"] == pytest.approx(truth.mean_spend[17], rel=1e-6)
    other = next(name for name in ("platinum", "gold", "silver A") if name != life["segment"])
    code, out, err = tenure("trace", "own.yaml", "--customer", "C-017", "--segment", other)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert tenure("trace", "own.yaml", "--customer", "3", "--segment", "people to win")[0] == 0
    assert tenure("trace", "own.yaml")[0] == 0
    code, _, err = tenure("trace", "own.yaml", "--customer", "3")
    assert code == 2
    assert "not in own.duckdb" in err


# --- Simulating in parts ---


def test_simulate_shows_the_mechanisms(tenure) -> None:
    """A line for each that is in the model; the same figures for machines."""
    code, out, err = tenure("simulate", "market.yaml", "--replications", 2)
    assert (code, err) == (0, "")
    for said in (
        "Satisfaction of true customers, 0 to 100: ",
        "Surveyed: ",
        "known in month 2",
        "Satisfaction of employees: 65.0 at the start",
        "Share of customer: ",
        "Cost to serve: ",
        "Bad debt: ",
    ):
        assert said in out
    code, out, _ = tenure("simulate", "market.yaml", "--replications", 2, "--json")
    figures = json.loads(out)["mechanisms"]
    assert 0 < figures["satisfaction"][0] < 100
    assert abs(figures["surveyed"][0] - figures["satisfaction"][0]) < 5
    assert figures["employees"][0] == 65
    assert figures["share_of_customer"][0] < 0.5
    assert figures["worth_less_than_nothing"] is None
    code, out, _ = tenure("simulate", SMALL, "--replications", 2, "--json")
    figures = json.loads(out)["mechanisms"]
    assert figures["satisfaction"] == [None, None]
    assert figures["worth_less_than_nothing"]["customers"][1] == pytest.approx(400)


def test_the_table_is_csv_or_parquet(tenure, tmp_path) -> None:
    """By the name's ending, with the same content; `--csv` is the same option."""
    words = ("simulate", "market.yaml", "--replications", 2)
    for option, name in (("--table", "a.csv"), ("--csv", "b.csv"), ("--table", "c.parquet")):
        assert tenure(*words, option, name)[0] == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    as_csv, as_parquet = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "c.parquet")
    assert list(as_csv.columns) == list(as_parquet.columns)
    assert as_csv["revenue"].to_numpy() == pytest.approx(as_parquet["revenue"].to_numpy())
    known = as_csv[(as_csv.segment == "home") & (as_csv.stage == "new")]
    assert np.isfinite(known["satisfaction"]).all()


def test_a_market_goes_on_where_it_was_saved(tenure, tmp_path) -> None:
    """With the bits of an unbroken run; another policy from there branches."""
    whole = json.loads(tenure("simulate", "market.yaml", "--replications", 1, "--seed", 4, "--json")[1])
    first = ("simulate", "market.yaml", "--seed", 4, "--until", 5, "--save", "five.npz")
    part = json.loads(tenure(*first, "--json")[1])
    assert (part["periods"], part["saved"]) == (5, "five.npz")
    assert part["profit"] == whole["profit"][:5]
    rest = json.loads(tenure("simulate", "market.yaml", "--seed", 4, "--resume", "five.npz", "--json")[1])
    for key in ("profit", "alive", "spend", "purchases", "unspent", "mechanisms"):
        assert rest[key] == whole[key], key
    assert rest["policy"]["asset"] == whole["policy"]["asset"]
    assert rest["resumed_at"] == 5
    words = ("simulate", "market.yaml", "--seed", 4, "--resume", "five.npz", "--policy", "no-spend")
    other = json.loads(tenure(*words, "--json")[1])
    assert other["profit"][:5] == whole["profit"][:5]
    assert sum(other["spend"][5:]) < sum(whole["spend"][5:])
    middle = tenure(*words, "--until", 6, "--save", "six.npz")[1]
    assert "under 'no spend' from month 6 on (as saved before): discounted profit of the first 6 months" in middle
    assert "Saved to six.npz. Next: tenure simulate market.yaml --resume six.npz --policy no-spend" in middle
    assert (tmp_path / "six.npz").is_file()


MISTAKES = {
    "save without until": (("simulate", "market.yaml", "--save", "x.npz"), "--until"),
    "until the end": (("simulate", "market.yaml", "--until", 8), "the scenario has 8 months"),
    "replications in parts": (("simulate", "market.yaml", "--until", 2, "--replications", 3), "follow one market"),
    "budget on the way": (("simulate", "market.yaml", "--resume", "five.npz", "--budget", 5), "keeps the budget"),
    "nothing to resume": (("simulate", "market.yaml", "--resume", "none.npz"), "cannot be read"),
    "not a market": (("simulate", "market.yaml", "--resume", "market.yaml"), "not a saved market"),
    "another scenario": (("simulate", SMALL, "--resume", "five.npz"), "another scenario"),
    "another seed": (("simulate", "market.yaml", "--resume", "five.npz", "--seed", 9), "seed"),
    "back in time": (("simulate", "market.yaml", "--resume", "five.npz", "--until", 5), "5 months have passed"),
    "a table of words": (("simulate", "market.yaml", "--table", "x.txt"), ".csv or .parquet"),
    "a table nowhere": (("simulate", "market.yaml", "--table", "nowhere/x.csv"), "make it first"),
    "no such segment": (("trace", "market.yaml", "--segment", "hme"), "did you mean 'home'"),
    "no such customer": (("trace", "market.yaml", "--customer", 5000), "from 0 to 959"),
    "not a number": (("trace", "market.yaml", "--customer", "Jane"), "expected a number"),
    "unknown policy": (("trace", "market.yaml", "--policy", "hope"), "is not known"),
}


@pytest.fixture(scope="module")
def five(tmp_path_factory) -> Path:
    """Return a market saved after five months."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "market.yaml").write_text(yaml.safe_dump(EVERY_MECHANISM, sort_keys=False), encoding="utf-8")
    run(folder, "simulate", "market.yaml", "--until", "5", "--save", "five.npz")
    return folder / "five.npz"


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line(tenure, tmp_path, five, name) -> None:
    """What and where."""
    shutil.copy(five, tmp_path)
    refuses(tenure, tmp_path, *MISTAKES[name])


def test_a_chain_of_ones_own_has_nobody_to_trace(tenure) -> None:
    """It is said so; simulating in parts works."""
    chain = SMALL.parents[2] / "examples/recency-chain/scenario.yaml"
    code, _, err = tenure("trace", chain)
    assert code == 2
    assert "chain of your own" in err
    assert tenure("simulate", chain, "--until", 3, "--save", "chain.npz")[0] == 0
    assert tenure("simulate", chain, "--resume", "chain.npz", "--policy", "no-spend")[0] == 0


@pytest.mark.parametrize("people", [{"start": {"new": 0}}, {"births": {"unaware": 0}}])
def test_a_market_of_nobody_is_said_to_be_one(tenure, tmp_path, people) -> None:
    """There is nobody to trace, and no satisfaction to tell of."""
    content = {
        **EVERY_MECHANISM,
        "segments": {"home": {"traits": TRAITS, **people}},
        "word_of_mouth": 0.0,
        "competitors": [],
    }
    (tmp_path / "nobody.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    refuses(tenure, tmp_path, ("trace", "nobody.yaml"), "nobody is in any segment, now or later")
    code, out, err = tenure("simulate", "nobody.yaml", "--replications", 1)
    assert (code, err) == (0, "")
    assert "Satisfaction of employees" in out
    assert "Satisfaction of true customers" not in out
    assert "Share of customer" not in out
    assert not re.search(r"\bnan\b", out)


def test_trace_help_has_an_example(tenure) -> None:
    """As every command's."""
    code, out, err = tenure("trace", "--help")
    assert (code, err) == (0, "")
    assert "Example: tenure trace" in " ".join(out.split())
