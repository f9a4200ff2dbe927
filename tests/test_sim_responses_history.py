"""A history: read, played by the twin as the engine does, fitted to what made it, and what it cannot tell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from histories import ADVERTS, CARE, GUESS, OFFERS, RANGES, Inside, made, scenario_of
from scipy.optimize import minimize

from sim.errors import InputError
from sim.intervals import hessian
from sim.responses.history.path import paths_of
from sim.responses.history.read import History
from sim.responses.learn import Learned, learn
from sim.responses.read import read_evidence
from sim.responses.shape import Shape, link
from sim.scenario.file import Scenario


@pytest.fixture(scope="module")
def truth() -> Scenario:
    return scenario_of({"adverts": ADVERTS, "offers": OFFERS})


@pytest.fixture(scope="module")
def history(truth: Scenario) -> History:
    return made(truth, 1)


@pytest.fixture(scope="module")
def found(history: History) -> Learned:
    guess = scenario_of({name: GUESS[name] for name in ("adverts", "offers")}, ranged=True)
    return learn(guess, [], [], (), [history])


def test_the_path_is_what_the_engine_plays(truth: Scenario, history: History) -> None:
    """Of 20,000 prospects each, all outcomes within the luck of counts over all periods."""
    path = paths_of(truth, history).run({}, np.zeros(2))
    for kind, seen in history.outcome.items():
        assert seen.sum(axis=0) == pytest.approx(path[kind].sum(axis=0), rel=0.03), kind
    pearson = (history.outcome["won"] - path["won"]) ** 2 / path["won"]
    assert 0.6 < pearson.mean() < 1.4


def test_luck_is_seen_once(truth: Scenario, history: History) -> None:
    """Who was won is known: what adverts do says nothing of who is active and what is bought; nor offers of money."""
    paths = paths_of(truth, history)
    usual = paths.run({}, np.zeros(2))
    more = paths.run({("adverts", "acquisition", ""): {**ADVERTS, "unlimited_money": 0.09}}, np.zeros(2))
    assert (more["won"] > 1.05 * usual["won"]).any()
    for kind in ("active", "purchases", "money"):
        assert more[kind] == pytest.approx(usual[kind], rel=1e-9), kind
    offered = paths.run({("offers", "purchase_rate", ""): {**OFFERS, "unlimited_money": 0.9}}, np.zeros(2))
    assert (offered["purchases"] > 1.05 * usual["purchases"]).any()
    assert offered["money"] == pytest.approx(usual["money"], rel=1e-9)
    blank = {kind: np.full(seen.shape, np.nan) for kind, seen in history.outcome.items()}
    unseen = History("h.csv", history.periods, history.segments, history.levers, history.spend, blank)
    alone = paths_of(truth, unseen)
    less, most = (alone.run({("adverts", "acquisition", ""): curve}, np.zeros(2))["active"] for curve in (
        ADVERTS, {**ADVERTS, "unlimited_money": 0.09}))  # fmt: skip
    assert np.abs(most / less - 1).max() > 0.01  # where nobody knows who was won


def test_what_made_it_is_found(found: Learned, truth: Scenario) -> None:
    for row in found.curves:
        shape = Shape(truth.levers[row.lever].moves[row.moves], row.moves)
        right = float(shape.at(shape.start, np.array([row.at]))[0])
        wide = row.high - row.low
        assert row.low - wide / 2 <= right <= row.high + wide / 2, row
        assert row.n == 60
    at = {(row.lever, row.at): row for row in found.curves}
    assert at["adverts", 0.5].source == "measured"
    assert at["adverts", 0.5].high - at["adverts", 0.5].low < 0.003  # answered: .02 wide
    assert "60 rows of history" in " ".join(_known(found))


def _known(found: Learned) -> list[str]:
    from experiments.words.evidence import known_in_words

    return known_in_words(found.scenario)


def test_what_it_cannot_tell_is_said(found: Learned) -> None:
    assert any("a history has no control group" in note for note in found.notes)
    assert not any("carried over" in note or "less came" in note for note in found.notes)


def test_a_season_is_said_where_there_is_one(found: Learned, history: History, truth: Scenario) -> None:
    """30 months of which none differs: luck is no season; of purchases that swing by a third it is."""
    assert not any("a season:" in note for note in found.notes)
    assert any("won: no season is used, as months of two years or more differ" in note for note in found.notes)
    turn = 1 + 0.33 * np.sin(2 * np.pi * np.arange(len(history.periods)) / 12)
    outcome = {**history.outcome, "purchases": np.round(history.outcome["purchases"] * turn[:, None])}
    notes = _notes(truth, History("h.csv", history.periods, history.segments, history.levers, history.spend, outcome))
    assert any("purchases have a season: " in note for note in notes)
    assert any("won: no season is used" in note for note in notes)


def test_levers_that_moved_together_are_told_as_one(history: History, truth: Scenario) -> None:
    spend = history.spend.copy()
    spend[:, :, 1] = 2 * spend[:, :, 0]
    same = History("h.csv", history.periods, history.segments, history.levers, spend, history.outcome)
    notes = _notes(truth, same)
    assert any("adverts and offers moved together (correlation 1.00)" in note for note in notes)
    spend[:, :, 1] = 5.0
    still = History("h.csv", history.periods, history.segments, history.levers, spend, history.outcome)
    assert any("offers: its money never changed" in note for note in _notes(truth, still))


def _notes(_: Scenario, history: History) -> list[str]:
    guess = scenario_of({name: GUESS[name] for name in ("adverts", "offers")}, ranged=True)
    return list(learn(guess, [], [], (), [history]).notes)


def test_money_that_harms_is_said(truth: Scenario, history: History) -> None:
    """Fewer people were won in periods with more money."""
    spend = history.spend[:, :, 0]
    won = {"won": 200.0 - 40.0 * (spend - spend.mean()) / spend.std()}
    bad = History("h.csv", history.periods, history.segments, history.levers, history.spend,
                  {kind: np.maximum(each, 0.0) for kind, each in won.items()})  # fmt: skip
    assert any("adverts on acquisition: less came (won) with more money" in note for note in _notes(truth, bad))


def test_carry_over_is_found(truth: Scenario, history: History) -> None:
    """Half of what acts is from the periods before: the same path, with money that would bring it so."""
    blank = {kind: np.full((30, 2), np.nan) for kind in history.outcome}
    unseen = History("h.csv", history.periods, history.segments, history.levers, history.spend, blank)
    path = paths_of(truth, unseen).run({}, np.array([0.5, 0.0]))
    later = History("h.csv", history.periods, history.segments, history.levers, history.spend, path)
    guess = scenario_of({name: GUESS[name] for name in ("adverts", "offers")}, ranged=True)
    found = learn(guess, [], [], (), [later])
    assert any("adverts: 50% (" in note and "carried over" in note for note in found.notes)
    stated = found.scenario.levers["adverts"].of_late
    assert stated is not None
    assert stated.carry_over == pytest.approx(0.5, abs=0.02)
    assert found.scenario.levers["offers"].of_late is None
    known = next(each for each in found.scenario.uncertain if each.path == "levers.adverts.of_late.carry_over")
    assert known.low < stated.carry_over < known.high
    again = learn(found.scenario, [], [], (), [later]).scenario.levers["adverts"].of_late
    assert again is not None
    assert again.carry_over == pytest.approx(stated.carry_over, abs=0.02)  # not carried over twice


def test_where_it_says_nothing_what_was_known_stays(history: History) -> None:
    """People won tell nothing of what offers do to purchases."""
    guess = scenario_of({name: GUESS[name] for name in ("adverts", "offers")}, ranged=True)
    won = History("h.csv", history.periods, history.segments, history.levers, history.spend,
                  {"won": history.outcome["won"]})  # fmt: skip
    told = {(row.lever, row.at): row for row in learn(guess, [], [], (), [won]).curves}
    assert told["offers", 0.3].source == "answered"
    assert (told["offers", 0.3].low, told["offers", 0.3].high) == pytest.approx(RANGES["offers"][1], abs=0.06)
    assert told["adverts", 0.5].source == "measured"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("period,segment,won\n1,town,3\n", "expected a column of money for each lever"),
        ("period,segment,won,adverts\n1,town,3,1\n1,town,3,1\n", "row 2: period 1 of town comes twice"),
        ("period,segment,won,adverts\n1,town,3,1\n1,country,3,1\n2,town,3,1\n", "no row for period 2 of country"),
        ("period,won,adverts\n1,3,1\n3,3,1\n", "a period is missing between 1 and 3"),
        ("month,won,adverts\n2025-1,3,1\n2024-12,3,1\n2025-3,3,1\n", "is missing between 2025-1 and 2025-3"),
        ("date,won,adverts\n2024-10-31,3,1\n2024-11-30,3,1\n2025-01-31,3,1\n", "is missing between 2024-11-30 and"),
        ("week,won,adverts\n2024-W52,3,1\n2025-W1,3,1\n2025-W3,3,1\n", "between 2025-W1 and 2025-W3"),
        ("month,won,adverts\nsoon,3,1\nlater,3,1\n", "expected periods as 1, 2, ... or as 2025-03"),
        ("period,won,adverts\n1,3,-1\n", "row 1: expected in column 'adverts' a number of at least 0, got '-1'"),
        ("period,won,adverts\n1,3,1\n2,3,1\n", "2 periods; expected at least 6"),
        ("period,won,radio\n" + "".join(f"{t},3,1\n" for t in range(8)), "none of its columns radio is a lever"),
        ("period,segment,won,adverts\n" + "".join(f"{t},moon,3,1\n" for t in range(8)), "segment 'moon': the"),
        ("period,segment,won,adverts\n" + "".join(f"{t},town,3,1\n" for t in range(8)), "no rows of segment 'country'"),
    ],
)  # fmt: skip
def test_bad_histories_are_refused(text: str, said: str, tmp_path: Path, truth: Scenario) -> None:
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(InputError) as error:
        learn(truth, *read_evidence(tmp_path / "h.csv"))
    assert said in str(error.value)


@pytest.mark.parametrize(
    "names",
    [
        [f"{2024 + t // 12}-{t % 12 + 1}" for t in range(14)],
        [f"{2024 + t // 12}{t % 12 + 1:02}" for t in range(14)],
        [f"{2024 + t // 4} Q{t % 4 + 1}" for t in range(6)],
        ["2024-12-16", "2024-12-23", "2024-12-30", "2025-01-06"],
        ["2024-01-31", "2024-02-29", "2024-03-31"],
        ["8", "9", "10", "11"],
    ],
)
def test_periods_are_in_order_of_time_and_not_of_letters(names: list[str], tmp_path: Path) -> None:
    rows = [f"{name};{i};1;busy" for i, name in enumerate(names)]
    (tmp_path / "h.csv").write_text("\n".join(["period;won;adverts;remark", *rows[::-1]]))
    [history] = read_evidence(tmp_path / "h.csv").histories
    assert history.outcome["won"][:, 0].tolist() == list(range(len(names)))
    assert (history.levers, history.unused) == (("adverts",), ("remark",))


def test_the_command_reads_a_history(
    history: History, tenure: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    guess = scenario_of({name: GUESS[name] for name in ("adverts", "offers")}, ranged=True)
    (tmp_path / "scenario.yaml").write_text(json.dumps(guess.model_dump(mode="json", exclude_unset=True)))
    rows = ["period,segment,adverts,offers,won,active,purchases,money"]
    for t, period in enumerate(history.periods):
        for s, segment in enumerate(history.segments):
            came = ",".join(f"{history.outcome[k][t, s]:.2f}" for k in ("won", "active", "purchases", "money"))
            rows.append(f"{period},{segment},{history.spend[t, s, 0]:.4f},{history.spend[t, s, 1]:.4f},{came}")
    (tmp_path / "history.csv").write_text("\n".join(rows))
    code, out, err = tenure("learn", "scenario.yaml", "history.csv", "-o", "learned.yaml")
    assert (code, err) == (0, "")
    assert "rows of history" in out
    code, out, _ = tenure("check", "learned.yaml")
    assert "adverts on acquisition: measured" in out
    assert "60 rows of history" in out


def right_widths(history: History, guess: Scenario) -> list[float]:
    """Return how wide intervals of adverts are by the right likelihood: people won are binomial, with the same prior.

    Without money, at the money of its answer, and at unlimited money; what is carried over is not known here either.
    """
    shape = Shape(guess.levers["adverts"].moves["acquisition"], "acquisition")
    asked, won = np.array([0.0, 0.5, np.inf]), history.outcome["won"]
    money, prospects = history.spend[:, :, 0], 20_000 - np.cumsum(won, axis=0) + won
    ends = np.log([[each / (1 - each) for each in ends] for ends in RANGES["adverts"]])
    believed = link("chance", shape.at(shape.start, asked))

    def loss(x: Any) -> float:
        acts = money.copy()
        for t in range(1, len(acts)):
            acts[t] = np.maximum((1 - x[3]) * money[t] + x[3] * acts[t - 1], 0)
        f = shape.at(x[:3], acts / prospects)
        away = (link("chance", shape.at(x[:3], asked)) - believed) / (np.diff(ends)[:, 0] / 3.92)
        seen = float((won * np.log(f) + (prospects - won) * np.log1p(-f)).sum())
        return 0.5 * float(away @ away) + 0.5 * (x[3] / 0.4) ** 2 - seen

    best = minimize(loss, [*shape.start, 0.0], method="Nelder-Mead", options={"maxiter": 4000, "fatol": 1e-7}).x
    covariance = np.linalg.inv(hessian(loss, best, 1e-3))
    draws = np.random.default_rng(0).multivariate_normal(best, covariance, 2000)[:, :3]
    return list(np.ptp(np.percentile([shape.at(each, asked) for each in draws], (2.5, 97.5), axis=0), axis=0))


@pytest.mark.slow
def test_intervals_hold_the_truth_of_the_engine() -> None:
    """Of 100 histories of the engine's customers at least 90 have each point in its 95 %, not much wider than right."""
    curves = {"adverts": ADVERTS, "offers": OFFERS, "care": CARE}
    truth, guess = scenario_of(curves), scenario_of(GUESS, ranged=True)
    inside, right = Inside(truth), []
    for seed in range(100):
        history = made(truth, 100 + seed)
        inside.count(learn(guess, [], [], (), [history]))
        right.append(right_widths(history, guess))
    assert inside.least() >= 90
    wide = np.median([inside.wide["adverts", at] for at in (0.0, 0.5, np.inf)], axis=1)
    print("widths of adverts by those of the right likelihood", wide / np.median(right, axis=0))
    assert (wide <= 1.5 * np.median(right, axis=0)).all()
