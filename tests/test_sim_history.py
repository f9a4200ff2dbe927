"""What is written down of a market with everything switched on adds up."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from everything import LAWS, arriving, busy, expected, money_for
from markets import Content, Floats, Ints
from plain.attitudes import cost_of_leavers, points_of
from players import Reacting

from policies.fixed import AsToday
from policies.planned import Planned
from sim.engine import agent_kernels
from sim.engine.chain import ALIVE
from sim.engine.fluid import expected_history
from sim.errors import FolderError, InputError
from sim.history import KINDS, History
from sim.market.clock import Budget, Market
from sim.scenario.file import STAGES, parse
from sim.twin import Twin, build


def drawn(law: str) -> tuple[Twin, History, Budget]:
    """Return a drawn history of everybody, each followed; what terms do to accounts is in test_sim_engine_terms.py."""
    twin = busy(law, "none", terms=False)
    who, given = twin.population(8, 3), money_for(twin)
    market = Market(twin, Reacting(twin.scenario), who, given, seed=8, replication=3, trace=np.arange(who.size))
    return twin, market.run(), given


@pytest.mark.parametrize("made", [drawn, partial(expected, terms=False)], ids=["drawn", "expected"])
@pytest.mark.parametrize("law", LAWS)
def test_everybody_is_accounted_for(law: str, made: Callable[[str], tuple[Twin, History, Budget | None]]) -> None:
    """Moves add up to who was there and who is there next, events to true moves, and money to profit."""
    twin, history, given = made(law)
    born = arriving(twin)
    exact = {"rtol": 1e-11, "atol": 1e-9}
    assert born.sum() > 50
    np.testing.assert_allclose(history.moves.sum(axis=3), history.customers[:-1], **exact)
    np.testing.assert_allclose(history.moves.sum(axis=2) + born, history.customers[1:], **exact)
    truly = {kind: history.people[..., k].sum(axis=2) for k, kind in enumerate(KINDS)}
    flow = history.events
    change = {
        "unaware": -flow["aware"] + born[:, :, STAGES.index("unaware")],
        "prospect": flow["aware"] - flow["won"] + born[:, :, STAGES.index("prospect")],
        "alive": flow["won"] + flow["returned"] - flow["left"],
        "gone": flow["left"] - flow["returned"] - flow["lost"],
        "lost": flow["lost"],
    }
    for kind, want in change.items():
        np.testing.assert_allclose(np.diff(truly[kind], axis=0), want, err_msg=kind, **exact)
        assert np.abs(want).sum() > 0
    np.testing.assert_array_equal(history.alive, truly["alive"])
    np.testing.assert_array_equal(history.people[..., STAGES.index("unaware"), 1:], 0)
    margin = np.array([0.3 if name == "shops" else 0.4 for name in twin.targets.segments])
    earned = margin[:, None] * history.revenue - history.bad_debt - history.cost_to_serve
    np.testing.assert_allclose(history.reward, earned, rtol=1e-9, atol=1e-7)
    spend = history.spend.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(history.profit, history.reward.sum(axis=(1, 2)) - spend, rtol=1e-12)
    assert not history.spend[:, ~twin.targets.allowed].any()
    assert (history.cost_to_serve.sum(axis=(0, 2)) > 0).all()
    assert (history.bad_debt.sum(axis=(0, 2)) > 0).tolist() == [name == "households" for name in twin.targets.segments]
    if given is not None:
        assert history.unspent == pytest.approx(given.total - history.spend.sum(), abs=1e-6)
        assert (history.spend.sum(axis=(0, 1, 2)) <= given.lever_caps * (1 + 1e-9)).all()


@pytest.mark.parametrize("law", LAWS)
def test_a_history_is_the_sum_of_lives(law: str) -> None:
    """People, moves, purchases, money, events, satisfaction and cost to serve by target, from everybody's own line."""
    twin, history, _ = drawn(law)
    trace, space = history.trace, twin.chain.space
    assert trace is not None
    groups, stages, _ = twin.targets.shape
    group = np.array([twin.targets.segments.index(name) for name in trace.segment])
    quality = twin.cohort_quality[twin.population(8, 3).cohort]
    last = len(space.names)

    def by_target(period: int, weight: Floats | Ints) -> Floats:
        here = trace.state[period] < last
        cell = group[here] * stages + space.stage[group[here], trace.state[period][here]]
        return np.bincount(cell, weights=weight[here], minlength=groups * stages).reshape(groups, stages)

    for t in range(twin.chain.periods):
        now, then = trace.state[t], trace.state[t + 1]
        there = now < last
        moves = np.zeros((groups, stages, stages))
        stage = [space.stage[group[there], state[there]] for state in (now, then)]
        np.add.at(moves, (group[there], *stage), 1)
        np.testing.assert_array_equal(history.moves[t], moves)
        kind = np.where(there, space.kind[np.minimum(now, last - 1)], -1)
        for k in range(len(KINDS)):
            np.testing.assert_array_equal(history.people[t, :, :, k], by_target(t, kind == k))
        np.testing.assert_array_equal(history.purchases[t], by_target(t, trace.purchases[t]))
        revenue = trace.revenue[t] / twin.money_units
        np.testing.assert_allclose(history.revenue[t], by_target(t, revenue), rtol=1e-12)
        for i, name in enumerate(agent_kernels.EVENTS):
            by_group = np.bincount(group[trace.event[t] == i], minlength=groups)
            np.testing.assert_array_equal(history.events[name][t], by_group)
        kinds = [twin.scenario.segments[name].quality for name in twin.targets.segments]
        dear = np.array([kinds[g][q].cost_to_serve if kinds[g] else 1.0 for g, q in zip(group, quality, strict=True)])
        unpaid = np.array([kinds[g][q].bad_debt if kinds[g] else 0.0 for g, q in zip(group, quality, strict=True)])
        each = np.array([[1.0, 0.0] if name == "shops" else [0.3, 0.6] for name in twin.targets.segments])[group]
        usual = twin.scenario.employees
        assert usual is not None
        replaced = cost_of_leavers(usual, float(history.employees[t])) * (kind == ALIVE)
        cost = replaced + dear * (each[:, 0] * (kind == ALIVE) + each[:, 1] * trace.purchases[t])
        np.testing.assert_allclose(history.cost_to_serve[t], by_target(t, cost), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(history.bad_debt[t], by_target(t, unpaid * revenue), rtol=1e-9, atol=1e-9)
        level = space.level[np.minimum(now, last - 1)]
        for g in range(groups):
            points = [points_of(int(k)) for k in level[there & (group == g) & (kind == ALIVE)]]
            assert history.satisfaction[t, g] == pytest.approx(np.mean(points), rel=1e-12)


def test_share_of_customer_is_that_of_the_targets() -> None:
    """At the start: .4 of a logit in which a rival would take .2, by hand for the utilities of brand and visits."""
    twin = busy("silent", "none")
    twice = np.repeat(2 * twin.targets.reference[None], 12, axis=0)
    chain = twin.chain
    drawn_history = Market(twin, Planned(twice), twin.population(8, 3), seed=8).run()
    for history in (expected_history(chain, twice), drawn_history):
        number = history.people[0, :, :, KINDS.index("alive")]
        intensity = history.spend[0] / np.maximum(history.customers[0], 1)[:, :, None]
        utility = chain.effects.utility(chain.crowd.media.works(intensity, history.customers[0])[0])
        assert np.ptp(utility) > 0
        share = 0.4 / (0.4 + (0.6 + 0.2 / 0.8) * np.exp(-utility))
        want = (number * share).sum(axis=1) / number.sum(axis=1)
        np.testing.assert_allclose(history.share[0], want, rtol=1e-9)
    assert np.isnan(expected("renewal")[1].share).all()


def test_what_is_not_in_the_model_is_no_number(market: Callable[..., Content]) -> None:
    """Without satisfaction, employees and a share there are no points and no shares; without costs none are booked."""
    twin = build(parse(market(plain=True, terminal="none")))
    today = np.repeat(twin.targets.reference[None], 8, axis=0)
    for history in (Market(twin, AsToday(), twin.population(0, 0)).run(), expected_history(twin.chain, today)):
        for name in ("satisfaction", "surveyed", "share", "employees"):
            assert np.isnan(getattr(history, name)).all(), name
        assert not history.cost_to_serve.any()
        assert not history.bad_debt.any()


def digit_by_digit(path: Path) -> pd.DataFrame:
    """Return a CSV file with numbers as Python reads them: exactly as written."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    words = ("segment", "tier", "stage")
    for column in frame.columns.difference(words):
        frame[column] = [float(number) if number else math.nan for number in frame[column]]
    return frame


def test_a_history_is_one_row_per_period_and_target(tmp_path: Path) -> None:
    """The table has every number of the history, in names a reader knows, and comes back from CSV and Parquet."""
    twin, history, _ = drawn("silent")
    frame = history.to_frame()
    groups, stages, levers = twin.targets.shape
    assert len(frame) == 12 * groups * stages
    assert not frame.duplicated(["period", "segment", "tier", "stage"]).any()
    shape = (12, groups, stages)
    for column, want in {
        "customers": history.customers[:-1],
        **{f"true_{kind}": history.people[:-1, :, :, k] for k, kind in enumerate(KINDS)},
        **{f"to_{stage}": history.moves[..., s] for s, stage in enumerate(STAGES)},
        **{f"spend_{lever}": history.spend[..., i] for i, lever in enumerate(twin.targets.levers)},
        **{name: getattr(history, name) for name in ("purchases", "revenue", "reward", "cost_to_serve", "bad_debt")},
        "satisfaction": np.broadcast_to(history.satisfaction[:-1, :, None], shape),
        "satisfaction_surveyed": np.broadcast_to(history.surveyed[:-1, :, None], shape),
        "share_of_customer": np.broadcast_to(history.share[:, :, None], shape),
        "employee_satisfaction": np.broadcast_to(history.employees[:-1, None, None], shape),
    }.items():
        np.testing.assert_array_equal(frame[column].to_numpy().reshape(shape), want, err_msg=column)
    row = frame[(frame.period == 4) & (frame.segment == "shops") & (frame.stage == "core")].iloc[0]
    place = (4, twin.targets.segments.index("shops"), STAGES.index("core"))
    assert row["customers"] == history.customers[place]
    assert row["spend_care"] == history.spend[(*place, twin.targets.levers.index("care"))] > 0
    assert list(frame.columns[:5]) == ["period", "segment", "tier", "stage", "customers"]
    assert len(frame.columns) == 5 + 5 + stages + 5 + levers + 4

    for name, read in (("history.csv", digit_by_digit), ("history.parquet", pd.read_parquet)):
        path = tmp_path / name
        path.write_text("an older file", encoding="utf-8")
        history.save(path)
        pd.testing.assert_frame_equal(read(path), frame, check_exact=True, check_dtype=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["history.csv", "history.parquet"]


def test_a_history_is_saved_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ending of another kind, a folder that is not there: one line; a failure leaves the older file."""
    _, history, _ = expected("renewal")
    for name in ("history.txt", "history", "history.csv.gz"):
        with pytest.raises(InputError, match=r"expected a name that ends in \.csv or \.parquet"):
            history.save(tmp_path / name)
    with pytest.raises(FolderError, match="cannot write"):
        history.save(tmp_path / "nowhere" / "history.csv")
    path = tmp_path / "history.csv"
    path.write_text("an older file", encoding="utf-8")

    def halfway(self: pd.DataFrame, part: Path, **options: Any) -> None:
        Path(part).write_text("per", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", halfway)
    with pytest.raises(FolderError, match="No space left on device"):
        history.save(path)
    assert path.read_text(encoding="utf-8") == "an older file"
    assert [p.name for p in tmp_path.iterdir()] == ["history.csv"]
