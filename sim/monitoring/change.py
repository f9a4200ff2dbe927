"""What happened to the market, from what moved: events added to the scenario so that it expects what was seen.

Each event multiplies a route (leaving, purchase rate, winning) by ``exp(theta)`` from the period in which the change
began, and lasts. ``theta`` minimises ``sum z(theta)^2 + sum (theta/prior)^2`` over the periods since, all segments and
the quantities that the routes show in, by Gauss-Newton steps on the fluid twin led along by what was seen: least
squares with a normal prior, so that a few customers' luck moves little. Where the scenario has seasons, each other
phase of them is tried too, and taken where it explains more with its one number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.arrays import Floats
from sim.engine.crowd import scheduled_environment
from sim.monitoring.following import expected_of
from sim.monitoring.seen import Seen
from sim.monitoring.signals import EVERYBODY, QUANTITIES, Limits, Signal, deviations
from sim.scenario.market import MOST_SHOCK, Shock
from sim.twin import Twin

__all__ = ["CARRIED", "Change", "what_changed"]

ROUTES = {"winning": "acquisition", "leaving": "defection", "rate": "purchase rate"}
"""The route by which the scenario expects what moved."""
CARRIED = tuple(ROUTES)
"""Quantities whose change is estimated; amounts and satisfaction are shown and not carried into the scenario."""
PRIOR = 0.5
"""Standard deviation of theta before anything was seen: half or twice lies 1.4 of them away. Assumed."""
STARTS = 4
"""Periods between the test's date and the alarm that are tried as the first of the change."""
ROUNDS, STEP, MOST = 4, 0.05, 2.0
"""Gauss-Newton steps; the difference for derivatives; the largest theta."""
SEASON_COSTS = 4.0
"""By how much a phase must explain more: the square of two standard errors, as for any one number."""


@dataclass(frozen=True, eq=False)
class Change:
    """What happened, as the scenario has it.

    Attributes
    ----------
    twin : Twin
        Under the scenario with what happened.
    shocks : tuple of Shock
        Added to the scenario.
    phase : int
        Periods by which seasons come earlier.
    """

    twin: Twin
    shocks: tuple[Shock, ...]
    phase: int = 0


def what_changed(twin: Twin, seen: Seen, intensity: Floats, limits: Limits, signals: Sequence[Signal]) -> Change:
    """Return what happened to the market, given what has moved and what was seen.

    Parameters
    ----------
    intensity : (periods, groups, stages, levers)
        Money per customer that acted.
    signals
        At least one.
    """
    first = min(signals, key=lambda each: each.noticed)
    since = first.since
    scope = _scope(signals)
    starts = np.unique(np.linspace(since, first.noticed, STARTS).round().astype(int)).tolist()
    fits = [_fitted(twin, seen, intensity, limits, since, start, scope) for start in starts]
    best, found = min(fits, key=lambda fit: fit[0])
    for phase in range(1, len(twin.scenario.seasons or ())):
        turned = _with(twin, (), phase)
        score, change = _score(turned, seen, intensity, limits, since) + SEASON_COSTS, Change(turned, (), phase)
        if score < best:
            best, found = score, change
    return found


def _scope(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Return the segments that something happened to; none named: all."""
    named = tuple(dict.fromkeys(each.segment for each in signals))
    return () if EVERYBODY in named or len(named) > 1 else named


def _fitted(
    twin: Twin, seen: Seen, intensity: Floats, limits: Limits, since: int, start: int,
    scope: tuple[str, ...],
) -> tuple[float, Change]:  # fmt: skip
    """Return the least score over the periods from ``since`` on, and the events from ``start`` on that have it."""

    def made(theta: Floats) -> tuple[Twin, tuple[Shock, ...]]:
        shocks = tuple(
            Shock(
                name=f"estimated: {route}", start=start, route=route,
                size=float(np.clip(np.exp(size) - 1, -1, MOST_SHOCK)), segments=scope,
            )
            for size, route in zip(theta, ROUTES.values(), strict=True)
        )  # fmt: skip
        return _with(twin, shocks), shocks

    def residual(theta: Floats) -> Floats:
        return np.append(_residual(made(theta)[0], seen, intensity, limits, since), theta / PRIOR)

    theta = np.zeros(len(ROUTES))
    now = residual(theta)
    for _ in range(ROUNDS):
        slope = np.stack([(residual(theta + STEP * e) - now) / STEP for e in np.eye(theta.size)], axis=1)
        step = -np.linalg.lstsq(slope, now, rcond=None)[0]
        tried = np.clip(theta + step, -MOST, MOST)
        after = residual(tried)
        if (after**2).sum() >= (now**2).sum():
            tried = np.clip(theta + step / 2, -MOST, MOST)
            after = residual(tried)
        if (after**2).sum() >= (now**2).sum() * (1 - 1e-4):
            break
        theta, now = tried, after
    changed, shocks = made(theta)
    return float((now**2).sum()), Change(changed, shocks)


def _residual(twin: Twin, seen: Seen, intensity: Floats, limits: Limits, since: int) -> Floats:
    actual, planned = deviations(seen, expected_of(twin.chain, intensity, seen))
    z = limits.z(actual - planned)[since:]
    if EVERYBODY in limits.names:
        z = z[:, :-1]  # which is the sum of the others
    return np.asarray(z[:, :, [QUANTITIES.index(name) for name in ROUTES]].ravel())


def _score(twin: Twin, seen: Seen, intensity: Floats, limits: Limits, since: int) -> float:
    return float((_residual(twin, seen, intensity, limits, since) ** 2).sum())


def _with(twin: Twin, shocks: tuple[Shock, ...], phase: int = 0) -> Twin:
    """Return a twin in whose scenario more happens; customers and laws are the same."""
    given, chain = twin.scenario, twin.chain
    update: dict[str, object] = {"shocks": (*given.shocks, *shocks)}
    if phase:
        update["seasons"] = (*given.seasons[phase:], *given.seasons[:phase])
    scenario = given.model_copy(update=update)
    environment = scheduled_environment(scenario, chain.targets, chain.attitudes, chain.periods)  # type: ignore[attr-defined]
    return replace(twin, scenario=scenario, chain=replace(chain, scenario=scenario, environment=environment))  # type: ignore[call-arg]
