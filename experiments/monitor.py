"""The loop of a firm: what was seen against what was planned, what has moved, and whether to plan again."""

from dataclasses import replace

import numpy as np

from experiments.chosen import Chosen
from experiments.monitored import ADJUST, AGAIN, STAY, Line, Monitored
from optimizer.money.calendar import Calendar
from optimizer.plan import Plan
from optimizer.proof import LiftProof
from policies.watched import planned_again
from sim.arrays import Floats, Step
from sim.contract import ACTIVE, SILENT
from sim.engine.sensitivity import follow
from sim.monitoring.change import CARRIED, what_changed
from sim.monitoring.following import Expected, expected_of
from sim.monitoring.parallel import Worth, limits_of, parallel_markets
from sim.monitoring.seen import Seen
from sim.monitoring.signals import CUSTOMERS, deviations
from sim.twin import Twin

__all__ = ["PAYS", "monitor"]

PAYS = 0.01
"""Share of the money still to be spent that a new plan must bring to be worth the trouble. Assumed."""
BAND = (0.05, 0.95)
"""Quantiles of parallel markets between which what was planned may lie by luck."""
STEPS = 80
"""Of the search for the new plan, as for a first one."""


def monitor(
    twin: Twin, plan: Plan, chosen: Chosen, budget: float, seen: Seen, *, rate: float, replications: int, seed: int,
    unseen: tuple[str, ...], step: Step,
) -> Monitored:  # fmt: skip
    """Return what has become of a plan, given what was seen.

    Raises
    ------
    InputError
        If there are too few replications, or ``rate`` is no rate.
    """
    intensity, scenario = twin.targets.with_committed(plan.intensity), twin.scenario
    markets = list(
        parallel_markets(
            twin, chosen.policy, chosen.purse, seed=seed, replications=replications, like=seen,
            progress=step("Parallel markets"),
        )
    )  # fmt: skip
    limits = limits_of(twin, markets, rate)
    acted = _acted(seen, intensity)
    expected = expected_of(twin.chain, acted, seen)
    actual, planned = deviations(seen, expected)
    signals = limits.signals(actual, planned)
    worth = Worth(twin, intensity)
    lines = _lines(worth, seen, expected, markets)
    asset = lines[0]
    now, gain, change, new = float(asset.actual[-1]), 0.0, None, None
    moved: tuple[tuple[str, str, float, float], ...] = ()
    left = float(worth.course.spend[seen.periods :].sum())
    carried = [each for each in signals if each.quantity in CARRIED]
    if carried:
        change = what_changed(twin, seen, acted, limits, carried)
        asset_of = Worth(change.twin, acted).asset(seen, expected_of(change.twin.chain, acted, seen).occupancy)
        now = float(asset_of[-1])
    if carried and seen.periods < scenario.periods:
        tell = step("Planning again")
        kept = planned_again(twin, change, budget, intensity, seen, 0)
        again = planned_again(twin, change, budget, intensity, seen, STEPS)
        tell(1.0)
        gain = again.value_of(again.plan) - again.value_of(kept.plan)
        new, moved = (
            _plan(twin, plan, again.plan, budget),
            _moved(twin, kept.moved_by(kept.plan), again.moved_by(again.plan), seen.periods),
        )
    pays = PAYS * left
    verdict = STAY if not signals else AGAIN if gain > pays else ADJUST
    return Monitored(
        scenario.name, scenario.currency, scenario.period, seen.periods, scenario.periods, lines, tuple(signals),
        change, float(asset.planned[-1]), now, gain, pays, verdict, new, moved, limits.share, rate, replications,
        unseen, {lever: each.pays for lever, each in scenario.levers.items()},
    )  # fmt: skip


def _acted(seen: Seen, intensity: Floats) -> Floats:
    """Return money per customer that acted: as it was spent where heads are known, else and of terms as planned."""
    out = intensity.copy()
    known = ~np.isnan(seen.customers[:-1]) & (seen.customers[:-1] > 0)
    out[: seen.periods] = np.where(known[..., None], seen.intensity_with(intensity), intensity[: seen.periods])
    return out


def _plan(twin: Twin, plan: Plan, intensity: Floats, budget: float) -> Plan:
    """Return the new plan for the scenario's file; what it is worth there is not what it is worth in what happened."""
    course, nothing = follow(twin.chain, intensity), float("nan")
    return replace(
        plan, scenario=twin.scenario.name, scenario_hash=twin.scenario.hash, intensity=intensity, budget=budget,
        customers=course.observed, asset=course.asset, proof=LiftProof(course.asset, nothing), prices={},
        shadow_price=nothing, price_ranges={}, status="planned again", goal="asset", seconds={},
        termination="of the search from where customers were seen to be", calendar=Calendar.of(twin.scenario),
    )  # fmt: skip


def _moved(twin: Twin, before: Floats, after: Floats, now: int) -> tuple[tuple[str, str, float, float], ...]:
    """Return money of the rest of the horizon by segment and lever, under two plans; terms too."""
    segments, levers, old = twin.targets.by_segment(before[now:])
    _, _, new = twin.targets.by_segment(after[now:])
    rows = [
        (segment, lever, float(old[s, k]), float(new[s, k]))
        for s, segment in enumerate(segments)
        for k, lever in enumerate(levers)
        if max(old[s, k], new[s, k]) > 0
    ]
    return tuple(sorted(rows, key=lambda row: -abs(row[3] - row[2])))


# --- What is followed -------------------------------------------------------------------------------------------------


def _lines(worth: Worth, seen: Seen, expected: Expected, markets: list[tuple[Seen, Expected]]) -> tuple[Line, ...]:
    own = _series(worth, seen, expected)
    others = [_series(worth, *each) for each in markets]
    lines = []
    for key, actual in own.items():
        if np.isnan(actual).any():
            continue
        parallel = np.array([each[key][: len(actual)] for each in others])
        low, high = np.quantile(parallel, BAND, axis=0)
        slopes = np.array([_slope(each) for each in parallel])
        ends = [float(np.quantile(slopes, end)) for end in BAND]
        lines.append(Line(*key, actual, parallel.mean(axis=0), low, high, _slope(actual), float(slopes.mean()), *ends))
    return tuple(lines)


def _series(worth: Worth, seen: Seen, expected: Expected) -> dict[tuple[str, str], Floats]:
    targets, out = seen.targets, {}
    out["quantity", "customer asset"] = worth.asset(seen, expected.occupancy)
    heads = [targets.stages.index(name) for name in CUSTOMERS if name in targets.stages]
    active, silent = (
        [targets.stages.index(name) for name in names if name in targets.stages] for names in (ACTIVE, SILENT)
    )
    out["quantity", "active customers"] = seen.customers[:, :, active].sum(axis=(1, 2))
    for stage in heads:
        out["quantity", f"stage {targets.stages[stage]}"] = seen.customers[:, :, stage].sum(axis=1)
    for kind, names in (("segment", targets.segments), ("class", targets.tiers)):
        if len(set(names)) > 1:
            for name in dict.fromkeys(names):
                mine = [g for g, each in enumerate(names) if each == name]
                out["quantity", f"{kind} {name}, active"] = seen.customers[:, mine][..., active].sum(axis=(1, 2))
    out["change", "purchases"] = seen.purchases.sum(axis=(1, 2))
    out["change", "revenue"] = seen.revenue.sum(axis=(1, 2))
    outside = [s for s in range(len(targets.stages)) if s not in heads]
    for name, a, b in (("won", outside, heads), ("fell silent or left", active, silent), ("came back", silent, active)):
        out["change", name] = seen.moves[:, :, a][..., b].sum(axis=(1, 2, 3))
    return out


def _slope(values: Floats) -> float:
    return float(np.polyfit(np.arange(len(values)), values, 1)[0]) if len(values) > 2 else float("nan")
