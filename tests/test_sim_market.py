"""Markets with everything switched on: the same bits however they are run, and a record that adds up."""

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plain_market import Lives, State, points_of, surveyed
from scipy import stats
from test_sim_reference import LAWS, PER_PERIOD, TOTAL, TRUTHS, as_array, everything, people_of, wanted

from optimizer.ask.rules import as_today
from policies.fixed import AsToday
from policies.planned import Planned
from sim.contract import Allocation, Observation, Policy
from sim.engine import agent_kernels
from sim.engine.chain import ALIVE
from sim.engine.fluid import expected_history
from sim.errors import FolderError, InputError
from sim.history import KINDS, History, Trace
from sim.market.clock import Budget, Market
from sim.scenario.file import STAGES, Scenario, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


def crowded(law: str = "silent", factor: float = 1.0, **changes: Any) -> Content:
    """Return the scenario with everything for this many times the people, and media to match."""
    content = {**everything(law), **changes}
    for segment in content["segments"].values():
        for key in ("start", "births"):
            if key in segment:
                segment[key] = {at: factor * number for at, number in segment[key].items()}
    for lever in content["levers"].values():
        if "saturation" in lever:
            lever["saturation"] *= factor
    return content


@cache
def busy(law: str, terminal: str, factor: float = 1.0) -> Twin:
    """Return a twin of the scenario with everything."""
    return build(parse(crowded(law, factor, terminal=terminal)))


def money_for(twin: Twin, factor: float = 1.0) -> Budget:
    """Return the budget that runs out before the end, and now and then in a period; one lever has a cap of its own."""
    caps = np.full(len(twin.targets.levers), np.inf)
    caps[twin.targets.levers.index("winback")] = 0.03 * factor * TOTAL
    return Budget(factor * TOTAL, factor * PER_PERIOD, caps)


@dataclass
class Reacting:
    """Wants what :func:`wanted` says, more of it the lower the surveyed satisfaction and the less was spent so far."""

    scenario: Scenario
    name: str = "reacting"

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation."""
        asked = as_array(wanted(self.scenario, observation.period), observation.targets)
        low = 1 - np.nan_to_num(observation.satisfaction, nan=100.0) / 100
        asked *= 1 + low[:, :, None] + 1 / (1 + observation.lever_spent / 100)
        return Allocation.within(asked, observation)


@dataclass
class Switching:
    """One policy up to a period, and another from there on."""

    first: Policy
    then: Policy
    at: int
    name: str = "switching"

    def decide(self, observation: Observation) -> Allocation:
        """Return what the policy whose turn it is decides."""
        return (self.first if observation.period < self.at else self.then).decide(observation)


def bits(history: History, upto: int | None = None) -> dict[str, bytes]:
    """Return every number of a history, bit by bit; ``upto``: of the periods before that one."""
    out: dict[str, bytes] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            out[name] = np.ascontiguousarray(value[:upto]).tobytes()
        elif upto is None:
            out[name] = np.float64(value).tobytes()

    for entry in dataclasses.fields(History):
        value = getattr(history, entry.name)
        if entry.name == "events":
            for name, numbers in value.items():
                add(name, numbers)
        elif isinstance(value, Trace):
            for name in ("state", "purchases", "revenue", "event"):
                add(f"trace {name}", getattr(value, name))
        elif entry.name != "targets" and value is not None:
            add(entry.name, value)
    return out


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of what differs."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


# --- However the work is divided --------------------------------------------------------------------------------------

DIVISIONS = [(1, 3), (1, 7), (2, 1), (2, 3), (2, 7), (None, None)]


@pytest.mark.parametrize(("traits", "terminal"), [("individual", "none"), ("classes", "value-to-go")])
@pytest.mark.parametrize("law", LAWS)
def test_same_bits_for_any_threads_and_shards(law: str, traits: Any, terminal: str) -> None:
    """One thread or two, one shard, three or seven: no bit of the history or of anybody's life changes.

    19,000 people: shards end inside blocks of customers, and blocks inside cohorts.
    """
    twin = busy(law, terminal, 20.0)
    who = twin.population(3, 1, traits)
    followed = np.arange(0, who.size, 97)

    def run(threads: int | None, shards: int | None) -> dict[str, bytes]:
        market = Market(
            twin,
            Reacting(twin.scenario),
            who,
            money_for(twin, 20.0),
            seed=3,
            replication=1,
            threads=threads,
            shards=shards,
            trace=followed,
        )
        return bits(market.run())

    alone = run(1, 1)
    for threads, shards in DIVISIONS:
        assert different(run(threads, shards), alone) == [], f"{threads} threads, {shards} shards"
    assert len(alone) > 20


@pytest.mark.parametrize("shards", [3, 7])
def test_same_value_after_the_horizon_for_any_shards(shards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers with traits of their own, each valued between the nodes of the grid, in parts."""
    monkeypatch.setattr("sim.twin.GRID_RATES", np.array([0.0, 0.1, 0.5, 2.0]))
    monkeypatch.setattr("sim.twin.GRID_DEFECTIONS", np.array([0.0, 0.02, 0.2, 1.0]))
    content = crowded("silent", 5.0, periods=2, stages={"core": 2, "declining": 1, "lapsed": 2})
    content["segments"]["shops"].pop("stages")
    twin = build(parse(content))
    who = twin.population(3, 1)
    terminal = [
        Market(twin, AsToday(), who, threads=threads, shards=number).run().terminal
        for threads, number in ((1, 1), (1, shards), (2, shards))
    ]
    assert terminal[0] == terminal[1] == terminal[2] > 0


def test_who_is_followed_changes_nothing() -> None:
    """Lives are the same whoever is written down, and a customer's own line does not depend on who else is."""
    twin = busy("silent", "none")
    who = twin.population(4, 0)

    def run(followed: Ints | None) -> History:
        return Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=4, trace=followed).run()

    everybody, some, nobody = run(np.arange(who.size)), run(np.array([700, 3, 41])), run(None)
    assert nobody.trace is None
    assert everybody.trace is not None
    assert some.trace is not None
    without = {name: value for name, value in bits(everybody).items() if not name.startswith("trace")}
    assert different(without, bits(nobody)) == []
    for name in ("state", "purchases", "revenue", "event"):
        np.testing.assert_array_equal(getattr(some.trace, name), getattr(everybody.trace, name)[:, [700, 3, 41]])
    assert some.trace.identity.tolist() == who.identity[[700, 3, 41]].tolist()
    assert some.trace.segment == tuple(twin.targets.segments[twin.cohort_group[who.cohort[i]]] for i in (700, 3, 41))


# --- Saving, going on, branching --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "traits", "terminal", "review_every"),
    [
        ("silent", "individual", "none", 1),
        ("silent", "classes", "value-to-go", 1),
        ("contractual", "classes", "none", 2),
        ("renewal", "individual", "none", 1),
        ("renewal", "classes", "none", 5),
    ],
)
def test_a_saved_market_goes_on_with_the_bits_of_an_unbroken_run(
    law: str, traits: Any, terminal: str, review_every: int, tmp_path: Path
) -> None:
    """Saved after any period, and read back with a twin and customers made afresh: as if it had never stopped.

    Surveys under way, campaigns decided ahead, money spent, employees, rivals and shocks that are there: all is kept.
    """
    twin = busy(law, terminal)
    given = money_for(twin)

    def fresh() -> Market:
        who = twin.population(6, 2, traits)
        return Market(twin, Reacting(twin.scenario), who, given, seed=6, replication=2, review_every=review_every)

    unbroken = fresh().run()
    whole = bits(unbroken)
    again = build(parse(crowded(law, terminal=terminal)))
    for period in (0, 1, 3, 4, 7, 11, 12):
        market = fresh()
        first = market.run(until=period)
        assert market.period == period
        assert first.periods == period
        assert different(bits(first, upto=period), bits(unbroken, upto=period)) == []
        path = tmp_path / f"{period}.market"
        market.save(path)
        resumed = Market.resume(path, again, Reacting(again.scenario), again.population(6, 2, traits), shards=3)
        assert resumed.period == period
        assert different(bits(resumed.run()), whole) == [], f"saved after {period} periods"
        assert different(bits(market.run()), whole) == [], f"stopped after {period} periods"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{p}.market" for p in (0, 1, 3, 4, 7, 11, 12))


def test_a_market_may_stop_many_times(tmp_path: Path) -> None:
    """Saved and resumed after every period: still the same bits."""
    twin = busy("silent", "none")
    who = twin.population(6, 2)
    market = Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=6, replication=2)
    whole = bits(Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=6, replication=2).run())
    for period in range(1, 13):
        market.run(until=period)
        market.save(tmp_path / "market")
        market = Market.resume(tmp_path / "market", twin, Reacting(twin.scenario), who)
    assert different(bits(market.run()), whole) == []


@pytest.mark.parametrize("period", [1, 4, 8])
def test_a_market_branches_into_two_policies(period: int, tmp_path: Path) -> None:
    """From one saved market two policies go on: each has the bits of an unbroken run that changes hands there."""
    twin = busy("silent", "none")
    who = twin.population(9, 0)
    given = money_for(twin)
    reacting, today = Reacting(twin.scenario), AsToday()
    market = Market(twin, reacting, who, given, seed=9)
    market.run(until=period)
    market.save(tmp_path / "branch")
    branches = [
        Market.resume(tmp_path / "branch", twin, policy, who, threads=threads).run()
        for policy, threads in ((reacting, 1), (today, 2))
    ]
    unbroken = [
        Market(twin, policy, who, given, seed=9).run() for policy in (reacting, Switching(reacting, today, period))
    ]
    for branch, whole in zip(branches, unbroken, strict=True):
        assert different(bits(branch), bits(whole)) == []
    assert different(bits(branches[0], upto=period), bits(branches[1], upto=period)) == []
    assert branches[0].revenue.sum() != branches[1].revenue.sum()


def test_a_chain_of_ones_own_goes_on_too(tmp_path: Path) -> None:
    """A market of a chain given outright is saved and resumed alike."""
    content = {
        "name": "own",
        "periods": 6,
        "terminal": "none",
        "chain": {
            "states": ["a", "b"],
            "actions": [{"spend": 0, "moves": [[0.7, 0.3], [0.4, 0.6]], "reward": [1, 0]}],
        },
        "segments": {"all": {"start": {"a": 500, "b": 300}}},
    }
    twin = build(parse(content))
    who = twin.population(1, 0)
    whole = Market(twin, AsToday(), who, seed=1).run()
    market = Market(twin, AsToday(), who, seed=1)
    market.run(until=3)
    market.save(tmp_path / "own")
    resumed = Market.resume(tmp_path / "own", twin, AsToday(), who).run()
    assert different(bits(resumed), bits(whole)) == []
    np.testing.assert_array_equal(whole.moves.sum(axis=3), whole.customers[:-1])
    np.testing.assert_array_equal(whole.moves.sum(axis=2), whole.customers[1:])


def test_what_is_no_saved_market_of_these_customers_is_refused(tmp_path: Path) -> None:
    """Another scenario, other customers, a file of something else, no file: one line that says which."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    market = Market(twin, AsToday(), who, seed=1)
    market.run(until=2)
    path = tmp_path / "market"
    market.save(path)
    other = build(parse(crowded("renewal", terminal="none", margin=0.7)))
    with pytest.raises(InputError, match="another scenario"):
        Market.resume(path, other, AsToday(), who)
    with pytest.raises(InputError, match="other customers"):
        Market.resume(path, twin, AsToday(), twin.population(1, 1))
    (tmp_path / "text").write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(InputError, match="text: not a saved market"):
        Market.resume(tmp_path / "text", twin, AsToday(), who)
    np.savez(tmp_path / "numbers.npz", a=np.arange(3))
    with pytest.raises(InputError, match=r"numbers\.npz: not a saved market"):
        Market.resume(tmp_path / "numbers.npz", twin, AsToday(), who)
    with pytest.raises(FolderError, match="cannot be read"):
        Market.resume(tmp_path / "nowhere", twin, AsToday(), who)
    with pytest.raises(FolderError, match="cannot write"):
        market.save(tmp_path / "no folder" / "market")


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no states": (lambda saved: saved.pop("state"), "state is missing"),
    "no caps": (lambda saved: saved.pop("lever_caps"), "lever_caps is missing"),
    "a record too few": (lambda saved: saved.pop("record_people"), "record_people is missing"),
    "half of them": (lambda saved: saved.update(state=saved["state"][::2]), "state is uint16"),
    "one number for all": (lambda saved: saved.update(spent=np.zeros(1)), "spent is float64"),
    "states of words": (lambda saved: saved.update(state=saved["state"].astype("U5")), "state is <U5"),
    "states out of range": (lambda saved: saved["state"].fill(60_000), "a customer is in state 60000, expected at"),
    "states of others": (lambda saved: saved["state"].fill(0), "customers are not in the states that its record says"),
    "negative money": (lambda saved: saved["acting"].fill(-1), "acting holds what is not at least 0"),
    "facts of nothing": (lambda saved: saved.update(facts=np.array("{}")), "not a saved market"),
    "facts in a list": (lambda saved: saved.update(facts=np.array('["scenario", "people"]')), "not a saved market"),
    "facts of a number": (lambda saved: saved.update(facts=np.array("3")), "not a saved market"),
}
FACTS = {"period": -1, "seed": "x", "replication": 0.5, "review_every": 0, "budget": [1], "points": "many"}


def damaged(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Rewrite a saved market with a change."""
    with np.load(path) as file:
        saved = {name: file[name] for name in file.files}
    change(saved)
    with path.open("wb") as out:
        np.savez(out, **saved)


def test_a_whole_file_with_damaged_content_is_refused(tmp_path: Path) -> None:
    """What is missing, of another form or out of range is named before anything is put into the market."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    path = tmp_path / "market"

    def change_fact(name: str, value: object) -> Callable[[dict[str, Any]], Any]:
        def change(saved: dict[str, Any]) -> None:
            saved["facts"] = np.array(json.dumps({**json.loads(str(saved["facts"])), name: value}))

        return change

    wrong_facts = [(change_fact(name, value), f"{name} is {value!r}") for name, value in FACTS.items()]
    wrong_facts.append((change_fact("period", 10_000), "period is 10000"))
    wrong_facts.append((change_fact("budget", [1.0, math.nan]), "budget is [1.0, nan]"))
    for change, expected in [*DAMAGE.values(), *wrong_facts]:
        Market(twin, AsToday(), who, seed=1).save(path)
        damaged(path, change)
        with pytest.raises(InputError) as caught:
            Market.resume(path, twin, AsToday(), who)
        assert expected in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Half of a saved market is not a saved market."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    path = tmp_path / "market"
    Market(twin, AsToday(), who, seed=1).save(path)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:40], b""):
        path.write_bytes(part)
        with pytest.raises(InputError, match="not a saved market"):
            Market.resume(path, twin, AsToday(), who)


# --- What is written down ---------------------------------------------------------------------------------------------


def drawn(law: str) -> tuple[Twin, History, Budget]:
    """Return a drawn history of everybody, each followed."""
    twin = busy(law, "none")
    who, given = twin.population(8, 3), money_for(twin)
    market = Market(twin, Reacting(twin.scenario), who, given, seed=8, replication=3, trace=np.arange(who.size))
    return twin, market.run(), given


def expected(law: str) -> tuple[Twin, History, None]:
    """Return the expected history under twice today's spend."""
    twin = busy(law, "none")
    return twin, expected_history(twin.chain, np.repeat(2 * twin.targets.reference[None], 12, axis=0)), None


def arriving(twin: Twin) -> Floats:
    """Return who appears by (period, group, stage): whole numbers that keep up with what is stated."""
    out = np.zeros((twin.chain.periods, *twin.targets.shape[:2]))
    for name, segment in twin.scenario.segments.items():
        for truth, number in segment.births.items():
            so_far = np.round(number * np.arange(twin.chain.periods + 1))
            out[:, twin.targets.segments.index(name), STAGES.index(truth)] += np.diff(so_far)
    return out


@pytest.mark.parametrize("made", [drawn, expected])
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
        cost = dear * (each[:, 0] * (kind == ALIVE) + each[:, 1] * trace.purchases[t])
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
        utility = chain.effects.utility(chain.crowd.effective(intensity, history.customers[0]))
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


# --- Surveys ----------------------------------------------------------------------------------------------------------


@dataclass
class Listening:
    """As today, and writes down what surveys tell."""

    heard: list[Floats] = dataclasses.field(default_factory=list)
    name: str = "listening"

    def decide(self, observation: Observation) -> Allocation:
        """Return today's intensities."""
        self.heard.append(observation.satisfaction.copy())
        return Allocation.within(observation.targets.reference, observation)


def asked(**survey: Any) -> tuple[Twin, History, Floats]:
    """Return a drawn history with everybody followed, and what the firm had heard by (period, group, stage)."""
    twin = build(parse(crowded("silent", 3.0, terminal="none", survey=survey)))
    who, policy = twin.population(5, 4), Listening()
    history = Market(twin, policy, who, seed=5, replication=4, trace=np.arange(who.size)).run()
    return twin, history, np.array(policy.heard)


def lives_of(twin: Twin, history: History) -> Lives:
    """Return the states and heads of traced customers as those of the plain market."""
    trace, space = history.trace, twin.chain.space
    assert trace is not None
    lives = Lives()
    for row in trace.state:
        states = []
        for name, s in zip(trace.segment, row.tolist(), strict=True):
            if s == len(space.names):
                states.append(State("to come", 0, 0, 0, -1, ""))
                continue
            stage = STAGES[space.stage[twin.targets.segments.index(name), s]]
            facts = (int(part[s]) for part in (space.bought, space.silent, space.level, space.ties))
            states.append(State(TRUTHS[space.kind[s]], *facts, stage))
        lives.states.append(states)
        lives.heads.append({(name, stage): 0 for name in twin.targets.segments for stage in STAGES})
        for name, state in zip(trace.segment, states, strict=True):
            if state.stage:
                lives.heads[-1][name, state.stage] += 1
    return lives


def told(twin: Twin, history: History, period: int, lives: Lives) -> tuple[Floats, Floats]:
    """Return numbers of answers and their means by (group, stage), from the plain market's survey."""
    people = people_of(twin, twin.population(5, 4))
    answers = surveyed(twin.scenario, people, lives, period, seed=5, replication=4)
    number, mean = np.zeros((3, len(STAGES))), np.full((3, len(STAGES)), np.nan)
    for (segment, stage), n in answers.number.items():
        place = twin.targets.segments.index(segment), STAGES.index(stage)
        number[place], mean[place] = n, answers.mean[segment, stage]
    return number, mean


@pytest.mark.parametrize(("every", "delay"), [(1, 0), (3, 1), (2, 4)])
def test_surveys_tell_what_the_asked_answer_when_it_is_known(every: int, delay: int) -> None:
    """Without noise: the mean of those alive among the sample, plain Python's, taken every so often and told late."""
    twin, history, heard = asked(every=every, delay=delay, sample=60, noise=0)
    lives = lives_of(twin, history)
    for t in range(12):
        taken = (t - delay) // every * every
        if taken < 0:
            assert np.isnan(heard[t]).all()
            assert np.isnan(history.surveyed[t]).all()
            continue
        number, mean = told(twin, history, taken, lives)
        assert 20 < number.sum(axis=1).min() <= number.sum(axis=1).max() < 100
        np.testing.assert_allclose(heard[t], mean, rtol=1e-12, equal_nan=True)
        heads = np.where(np.isnan(mean), 0.0, history.customers[t])
        want = (heads * np.nan_to_num(mean)).sum(axis=1) / heads.sum(axis=1)
        np.testing.assert_allclose(history.surveyed[t], want, rtol=1e-12)


def test_where_all_are_asked_all_who_are_there_answer() -> None:
    """A sample larger than the segment: means of all true customers in the stages that are asked."""
    twin, history, heard = asked(every=1, delay=0, sample=10**6, noise=0)
    trace, space = history.trace, twin.chain.space
    assert trace is not None
    group = np.array([twin.targets.segments.index(name) for name in trace.segment])
    for t in (0, 5, 11):
        here = trace.state[t] < len(space.names)
        state = np.where(here, trace.state[t], 0)
        for g in range(3):
            for s, stage in enumerate(STAGES):
                members = here & (group == g) & (space.kind[state] == ALIVE) & (space.stage[g, state] == s)
                if stage in ("unaware", "prospect", "lapsed") or not members.any():
                    assert np.isnan(heard[t, g, s])
                    continue
                assert heard[t, g, s] == pytest.approx(25 * (space.level[state[members]] - 1).mean(), rel=1e-12)


def test_the_noise_of_a_survey_shrinks_with_its_answers() -> None:
    """Means of n answers err by noise/sqrt(n), normally, beside the sampling itself; lives do not change."""
    twin, plain, exact = asked(every=1, delay=0, sample=500, noise=0)
    _, noisy, heard = asked(every=1, delay=0, sample=500, noise=12)
    np.testing.assert_array_equal(plain.revenue, noisy.revenue)
    lives = lives_of(twin, plain)
    number = np.stack([told(twin, plain, t, lives)[0] for t in range(12)])
    enough = number >= 5
    z = ((heard - exact) * np.sqrt(number) / 12)[enough]
    assert z.size > 80
    assert abs(z.mean()) < 4 / math.sqrt(z.size)
    assert abs(z.std() - 1) < 4 / math.sqrt(2 * z.size)
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_the_fluid_twins_survey_is_the_truth_of_its_time() -> None:
    """Every third period, known a period later; nobody knows anything before."""
    twin, history, _ = expected("silent")
    assert twin.scenario.survey is not None
    assert (twin.scenario.survey.every, twin.scenario.survey.delay) == (3, 1)
    taken = [-1, 0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9]
    want = np.array([history.satisfaction[t] if t >= 0 else [np.nan] * 3 for t in taken])
    np.testing.assert_array_equal(history.surveyed, want)


# --- Who is there at the start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("traits", ["individual", "classes"])
def test_levels_ties_and_qualities_at_the_start_are_those_stated(traits: Any) -> None:
    """Of 9,000 people of a segment: kinds by their shares, and customers by the mixes of levels and of ties."""
    twin = busy("silent", "none", 100.0)
    who = twin.population(2, 0, traits)
    space = twin.chain.space
    cohort = who.cohort
    kinds = twin.scenario.segments["households"].quality
    households = twin.cohort_group[cohort] == twin.targets.segments.index("households")
    kind = twin.cohort_quality[cohort[households]]

    def near(values: Ints, shares: list[float]) -> None:
        number = np.bincount(values, minlength=len(shares))
        assert number.size == len(shares)
        error = np.sqrt(values.size * np.array(shares) * (1 - np.array(shares)))
        assert (np.abs(number - values.size * np.array(shares)) <= 4 * error).all()

    near(kind, [k.share for k in kinds])
    alive = np.flatnonzero(who.state < len(space.names))
    alive = alive[space.kind[who.state[alive]] == ALIVE]
    assert alive.size == 41_000
    near(space.level[who.state[alive]] - 1, list(twin.scenario.satisfaction.mix))
    near(space.ties[who.state[alive]], list(twin.scenario.links.mix))
    together = (space.level[who.state[alive]] - 1) * 4 + space.ties[who.state[alive]]
    near(together, np.outer(twin.scenario.satisfaction.mix, twin.scenario.links.mix).ravel().tolist())
    levels, ties = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    expected_now = np.array(
        [
            twin.chain.initial[:, (space.level == k + 1) & (space.ties == j)].sum()
            for k, j in zip(levels, ties, strict=True)
        ]
    )
    np.testing.assert_allclose(
        expected_now, 41_000 * np.outer(twin.scenario.satisfaction.mix, twin.scenario.links.mix).ravel(), rtol=1e-12
    )
    spend = [who.mean_spend[households][kind == k].mean() for k in range(3)]
    rate = [who.purchase_rate[households][kind == k].mean() for k in range(3)]
    np.testing.assert_allclose(np.array(spend) / spend[0], [1, 1 / 1.2, 0.5 / 1.2], rtol=0.06)
    np.testing.assert_allclose(np.array(rate) / rate[0], [1, 0.9 / 1.1, 1 / 1.1], rtol=0.06)


def test_customers_lie_by_cohort_and_keep_their_identity() -> None:
    """Sorted by group and quality; each segment's people are numbered from 0 on; the trait class is of the cohort."""
    twin = busy("silent", "none")
    for traits in ("individual", "classes"):
        who = twin.population(2, 0, traits)
        assert (np.diff(who.cohort) >= 0).all()
        assert who.start[-1] == who.size == who.state.size
        group = twin.cohort_group[who.cohort]
        for g in range(3):
            assert sorted(who.identity[group == g].tolist()) == list(range(int((group == g).sum())))
        if traits == "classes":
            np.testing.assert_array_equal(twin.block_cohort[who.block], who.cohort)
            np.testing.assert_array_equal(who.purchase_rate, np.float32(twin.chain.purchase_rate[who.block]))
        else:
            assert who.block.size == 0
        to_come = who.state == len(twin.chain.space.names)
        assert to_come.sum() == sum(positions.size for positions, _ in who.arrivals) == arriving(twin).sum()
        positions = np.concatenate([positions for positions, _ in who.arrivals])
        assert sorted(positions.tolist()) == np.flatnonzero(to_come).tolist()


# --- Sums of money in integers ---

BUSY: dict[str, tuple[Content, Content]] = {
    # traits and levers, and other keys of the scenario
    "page views": ({"purchase_rate": 20000.0, "defection_rate": 0.02, "spend": 0.001}, {"terminal": "none"}),
    "weekly groceries": (
        {"purchase_rate": 20.0, "defection_rate": 0.0002, "spend": 8.0},
        {"period": "week", "discount_rate": 0.02, "margin": 0.3},
    ),
    "costly to serve": (
        {"purchase_rate": 100.0, "defection_rate": 0.02, "spend": 0.001},
        {"cost_to_serve": {"per_customer": 0.5, "per_purchase": 0.0}},
    ),
    "yachts": ({"purchase_rate": 0.1, "defection_rate": 0.02, "spend": 1e9}, {}),
}


@pytest.mark.parametrize("name", BUSY)
def test_no_sum_of_money_runs_over(name: str) -> None:
    """However much or little is bought and left: revenue and asset stay those of the fluid twin."""
    traits, more = BUSY[name]
    levers = {
        "x": {
            "targets": ["new"], "reference": 0.0,
            "moves": {"amount": {"shape": "piecewise-linear", "points": [[0, -0.9], [1, 5]]}},
        }
    }  # fmt: skip
    content = {"name": name, "periods": 3, "segments": {"a": {"start": {"new": 400}, "traits": traits}}, **more}
    twin = build(parse({**content, "levers": levers}))
    expected = expected_history(twin.chain, as_today(twin.chain))
    history = Market(twin, AsToday(), twin.population(0, 0)).run()
    tolerance = 5 * float(np.sqrt(1 / max(expected.purchases.sum(), 1) + 1 / 400))
    assert history.revenue.sum() == pytest.approx(expected.revenue.sum(), rel=tolerance)
    ours, theirs = (customer_asset(each, twin.chain.discount_rate).total for each in (history, expected))
    assert ours == pytest.approx(theirs, rel=tolerance)
    assert np.abs(history.revenue * twin.money_units).max() < 2**56
