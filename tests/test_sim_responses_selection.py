"""Adverse selection from what the won later did: that of the engine's customers is found, none where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning import row

from experiments.words.evidence import learned_answer
from sim.arrays import Floats
from sim.contract import Allocation
from sim.errors import InputError
from sim.history import EVENTS
from sim.market.clock import Market
from sim.responses.learn import Learned, learn
from sim.responses.read import Later, Trial, read_evidence
from sim.scenario.file import Scenario, parse
from sim.twin import build

KEY = ("adverts", "acquisition", "")
TRUTH = {"without_money": 0.03, "unlimited_money": 0.24, "spend": 0.5, "brings": 0.10}
GUESS = {"without_money": 0.02, "unlimited_money": 0.2, "spend": 0.5, "brings": 0.08}
KINDS = [{"share": 0.5, "acquisition_by_money": 0.4}, {"share": 0.5, "acquisition_by_money": 1.6, "purchase_rate": 0.5}]
DOSES = np.array([0.0, 0.4, 1.5])
PERIODS = 6


def market(curve: dict[str, float], kinds: list[dict[str, float]], heads: int = 6000) -> Scenario:
    """Return three groups of prospects, one for each arm; customers of two kinds, one drawn by money."""
    segment = {
        "start": {"prospect": heads},
        "traits": {"purchase_rate": {"shape": 2.0, "rate": 3.0}, "defection_rate": 0.05, "spend": 20},
        "quality": kinds,
    }
    adverts = {"targets": ["prospect"], "reference": 0.5, "moves": {"acquisition": curve}}
    ends = {"without_money": (0.01, 0.04), "brings": (0.05, 0.14), "unlimited_money": (0.15, 0.35)}
    return parse({
        "name": "kinds", "periods": 1 + PERIODS, "terminal": "none", "levers": {"adverts": adverts},
        "segments": {f"group {i}": segment for i in range(3)},
        "uncertain": [
            {"path": f"levers.adverts.moves.acquisition.{number}", "low": low, "high": high}
            for number, (low, high) in ends.items()
        ] if curve is GUESS else [],
    })  # fmt: skip


class _Once:
    """Each group's money in the first period, and none after."""

    name = "once"

    def decide(self, observation: Any) -> Allocation:
        money = np.where(observation.targets.allowed, DOSES[:, None, None] * (observation.period == 0), 0.0)
        return Allocation.within(money, observation)


def played(truth: Scenario, seed: int) -> Trial:
    """Return who of the engine's prospects was won in the first period, and what these bought in the next six."""
    twin = build(truth)
    people = twin.population(seed, 0)
    trace = Market(twin, _Once(), people, seed=seed, threads=1, trace=np.arange(len(people.identity))).run().trace
    assert trace is not None
    group = np.array([int(name[-1]) for name in trace.segment])
    won = trace.event[0] == EVENTS.index("won")
    bought = np.where(won, trace.purchases[1:].sum(axis=0), np.nan)
    paid = np.where(won, trace.revenue[1:].sum(axis=0), np.nan).astype(float)
    ones = np.ones(group.size)
    later = tuple(Later(what, each, won.astype(float)) for what, each in (("purchases", bought), ("money", paid)))
    return Trial(KEY, DOSES[group], won.astype(float), ones, ones, False, "test.csv", later=later)


def right_ratio(kinds: list[dict[str, float]]) -> float:
    """Return what those whom money adds buy, against those who come by themselves."""
    share, rate = (np.array([kind.get(name, 1.0) for kind in kinds]) for name in ("share", "purchase_rate"))
    by = share * [kind.get("acquisition_by_money", 1.0) for kind in kinds]
    return float((by @ rate / by.sum()) / (share @ rate / share.sum()))


def ratio_of(found: Learned, what: str = "purchases") -> Any:
    [each] = [one for one in found.selected if one.what == what]
    return each


@pytest.fixture(scope="module")
def trial() -> Trial:
    return played(market(TRUTH, KINDS), 1)


def test_whom_money_adds_is_found_and_kinds_are_stated(trial: Trial) -> None:
    """A firm that takes all for alike: two kinds come into its scenario, with ranges that move together."""
    found = learn(market(GUESS, []), [trial], [])
    each = ratio_of(found)
    assert each.told
    assert each.low < right_ratio(KINDS) < each.high
    assert each.n == trial.outcome.sum()
    for segment in found.scenario.segments.values():
        itself, added = segment.quality
        assert (itself.by_money, added.acquisition) == (0.0, 0.0)
        assert added.purchase_rate / itself.purchase_rate == pytest.approx(each.ratio, rel=0.02)
        mean = sum(kind.share * kind.purchase_rate for kind in segment.quality)
        assert mean == pytest.approx(1.0, abs=0.01)  # of the customers of today, whose laws were fitted
        assert sum(kind.share * kind.acquisition for kind in segment.quality) == pytest.approx(1.0)
        assert sum(kind.share * kind.by_money for kind in segment.quality) == pytest.approx(1.0)
    ranges = {one.path: one for one in found.scenario.uncertain}
    stated = ranges["segments.group 0.quality.1.purchase_rate"]
    assert stated.low < found.scenario.segments["group 0"].quality[1].purchase_rate < stated.high
    assert "adds buy" in learned_answer(found)


def test_the_scenario_plays_it() -> None:
    """The learned market wins, at the doses tested, people who buy as those of the truth did."""
    truth = market(TRUTH, KINDS, heads=40_000)
    data = played(truth, 3)
    found = learn(market(GUESS, [], heads=40_000), [data], [])
    content = {**found.content, "uncertain": [], "evidence": []}
    again = played(parse(content), 4)
    for dose in DOSES:
        means = [np.nanmean(each.later[0].outcome[each.spend == dose]) for each in (data, again)]
        assert means[1] / np.nanmean(again.later[0].outcome) == pytest.approx(
            means[0] / np.nanmean(data.later[0].outcome), rel=0.06
        )


def test_stated_kinds_are_tilted(trial: Trial) -> None:
    """A firm that knows the kinds, and not that money draws one of them."""
    before = [{"share": 0.5}, {"share": 0.5, "purchase_rate": 0.5}]
    found = learn(market(GUESS, before), [trial], [])
    by = [kind.by_money for kind in found.scenario.segments["group 1"].quality]
    assert by[0] < 1 < by[1]
    assert np.mean(by) == pytest.approx(1.0, abs=0.01)
    ranges = {one.path: one for one in found.scenario.uncertain}
    for i, right in enumerate((0.4, 1.6)):
        stated = ranges[f"segments.group 1.quality.{i}.acquisition_by_money"]
        assert stated.low < right < stated.high


def test_the_curve_allows_for_what_kinds_multiply() -> None:
    """Half of the people cannot be won: the chance that is stated is of the others, twice what is seen."""
    kinds = [{"share": 0.5, "acquisition": 0.0}, {"share": 0.5}]
    n = np.array([60_000.0, 60_000.0])
    seen = Trial(KEY, np.array([0.0, 0.5]), np.array([0.015, 0.05]), n, np.ones(2), False, "test.csv")
    found = learn(market(GUESS, kinds), [seen], [])
    assert row(found, 0.0).value == pytest.approx(0.03, rel=0.05)
    assert row(found, 0.5).value == pytest.approx(0.10, rel=0.05)


def test_nothing_is_claimed_where_all_are_alike() -> None:
    found = learn(market(GUESS, []), [played(market(TRUTH, []), 2)], [])
    assert not any(each.told for each in found.selected)
    assert found.scenario.segments["group 0"].quality == ()
    assert any("it is not told whether money wins other people" in note for note in found.notes)


def test_files_say_what_the_won_did(tmp_path: Path, trial: Trial) -> None:
    """An experiment with columns beside it; the won alone; cohorts of a history; what cannot be used is said."""
    lines = ["lever,moves,spend,outcome,purchases_later,kept"]
    bought = trial.later[0].outcome
    for u, won, y in zip(trial.spend, trial.outcome, bought, strict=True):
        did = "," if np.isnan(y) else f"{y:.0f},{int(y > 0)}"
        lines.append(f"adverts,acquisition,{u},{won:.0f},{did}")
    (tmp_path / "test.csv").write_text("\n".join(lines))
    before = market(GUESS, [])
    found = learn(before, *read_evidence(tmp_path / "test.csv"))
    assert ratio_of(found).ratio == pytest.approx(ratio_of(learn(before, [trial], [])).ratio, rel=0.02)
    assert ratio_of(found, "kept").told is False
    assert any("kinds of quality do not differ in staying" in note for note in found.notes)
    won = [lines[0].replace("outcome,", ""), *(each.replace(",1,", ",", 1) for each in lines[1:] if ",1," in each)]
    (tmp_path / "won.csv").write_text("\n".join(won))
    alone = learn(before, *read_evidence(tmp_path / "won.csv"))
    assert ratio_of(alone).n == trial.outcome.sum()
    assert not alone.curves
    cohorts = ["lever,moves,spend,customers,purchases_later,assigned"]
    for dose in DOSES:
        own = bought[(trial.spend == dose) & (trial.outcome > 0)]
        cohorts += [f"adverts,acquisition,{dose},{len(each)},{each.mean()},chosen" for each in np.array_split(own, 8)]
    (tmp_path / "cohorts.csv").write_text("\n".join(cohorts))
    history = learn(before, *read_evidence(tmp_path / "cohorts.csv"))
    each = ratio_of(history)
    assert each.low < right_ratio(KINDS) < each.high
    assert any("the firm chose whom it spent on" in note for note in history.notes)
    same = [cohorts[0], *(each for each in cohorts if ",0.4," in each)]
    (tmp_path / "same.csv").write_text("\n".join(same))
    notes = learn(before, *read_evidence(tmp_path / "same.csv")).notes
    assert any("all were won at one intensity" in note for note in notes)
    (tmp_path / "less.csv").write_text("\n".join([cohorts[0], "adverts,acquisition,0,5,-1,random"]))
    with pytest.raises(InputError, match=r"purchases of the won: expected at least 0, got -1"):
        learn(before, *read_evidence(tmp_path / "less.csv"))


@pytest.mark.slow
def test_intervals_hold_the_truth_of_the_engine() -> None:
    """100 experiments of the engine's prospects with two kinds, 100 with one: at least 90 inside, at most 5 claimed.

    The right likelihood knows the chances, and that counts are negative binomial: its interval of the ratio is from its
    information; the median width is at most 1.5 times that.
    """
    inside, widths, claimed = np.zeros(2), [], 0
    truth, idle, before = market(TRUTH, KINDS), market(TRUTH, []), market(GUESS, [])
    for seed in range(100):
        data = played(truth, seed)
        found = learn(before, [data], [])
        right = right_ratio(KINDS)
        for i, what in enumerate(("purchases", "money")):
            each = ratio_of(found, what)
            inside[i] += each.low <= right <= each.high
        each = ratio_of(found)
        widths.append((each.high - each.low) / right_width(data))
        claimed += any(one.told for one in learn(before, [played(idle, 500 + seed)], []).selected)
    print("inside", inside, "width against the right likelihood", np.median(widths), "claimed", claimed)
    assert (inside >= 90).all()
    assert np.median(widths) <= 1.5
    assert claimed <= 5


def right_width(data: Trial) -> float:
    """Return the 95 % width of the ratio where chances and variances are known: weighted least squares by arm."""
    chance = np.array([TRUTH["without_money"], *(_chance(dose) for dose in DOSES[1:])])
    h = 1 - chance[0] / chance
    y: Floats = data.later[0].outcome
    error = np.array([np.nanvar(y[data.spend == dose]) / np.isfinite(y[data.spend == dose]).sum() for dose in DOSES])
    columns = np.column_stack([1 - h, h])
    spread = np.linalg.inv((columns.T / error) @ columns)
    mean = np.array([np.nanmean(y[data.spend == dose]) for dose in DOSES])
    level = spread @ (columns.T @ (mean / error))
    slope = np.array([-level[1] / level[0] ** 2, 1 / level[0]])
    return float(2 * 1.96 * np.sqrt(slope @ spread @ slope))


def _chance(money: float) -> float:
    room = TRUTH["unlimited_money"] - TRUTH["without_money"]
    share = (TRUTH["brings"] - TRUTH["without_money"]) / room
    return TRUTH["without_money"] + room * (1 - (1 - share) ** (money / TRUTH["spend"]))
