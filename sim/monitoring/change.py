"""What happened to the market, from what moved: events added to the scenario so that it expects what was seen.

Each event multiplies a route (leaving, purchase rate, winning) by ``exp(theta)`` from the period in which the change
began, and lasts. ``theta`` minimises ``sum z(theta)^2 + sum (theta/prior)^2`` over the periods since, all segments and
the quantities that the routes show in, by Gauss-Newton steps on the fluid twin led along by what was seen: least
squares with a normal prior, so that a few customers' luck moves little. Events are tried in all segments, in those that
moved and in each of these, and where the scenario has seasons, so is each other phase of them. The explanation with the
most evidence is taken (what one could also have explained counts against it), both kinds alike likely beforehand, and
each place and phase inside a kind.

References
----------
MacKay, D. J. C. (1992), Bayesian interpolation. Neural Computation 4.
"""

import math
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
"""Periods between the test's date and the alarm that are tried first as the change's own, before those beside it."""
FURTHEST = 3
"""Segments, furthest from what was expected, in which alone it is looked for though none of them has an alarm."""
ROUNDS, STEP, MOST = 4, 0.05, 2.0
"""Gauss-Newton steps; the difference for derivatives; the largest theta."""


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
    before = _residual(twin, seen, intensity, limits, since) ** 2
    scopes, every = _scopes(signals, limits.names, before), range(since, first.noticed + 1)
    costs = 2 * math.log(len(scopes) * len(every))
    fits: dict[tuple[tuple[str, ...], int], tuple[float, Change]] = {}

    def fitted(scope: tuple[str, ...], start: int) -> float:
        if (scope, start) not in fits:
            score, change = _fitted(twin, seen, intensity, limits, since, start, scope)
            fits[scope, start] = score + costs, change
        return fits[scope, start][0]

    starts = np.unique(np.linspace(since, first.noticed, STARTS).round().astype(int)).tolist()
    place = min(((scope, start) for scope in scopes for start in starts), key=lambda each: fitted(*each))
    while True:  # the period beside it, as long as that explains more
        beside = [(place[0], start) for start in (place[1] - 1, place[1], place[1] + 1) if start in every]
        nearest = min(beside, key=lambda each: fitted(*each))
        if fitted(*nearest) >= fitted(*place):
            break
        place = nearest
    found = [fits[place]]
    phases = range(1, len(twin.scenario.seasons or ()))
    for phase in phases:
        turned = _with(twin, (), phase)
        after = (_residual(turned, seen, intensity, limits, since) ** 2).sum(axis=1)
        squares = [before[: start - since].sum() + after[start - since :].sum() for start in every]
        found.append((float(min(squares)) + 2 * math.log(len(phases) * len(every)), Change(turned, (), phase)))
    return min(found, key=lambda fit: fit[0])[1]


def _scopes(signals: Sequence[Signal], names: Sequence[str], squares: Floats) -> list[tuple[str, ...]]:
    """Return where it may have happened: in all segments alike, in those that moved, or in one.

    A segment that is large moves the sum of all as well, so that where only that has an alarm, those that are furthest
    from what was expected are tried too. ``squares`` is (periods, segments x quantities).
    """
    own = [name for name in names if name != EVERYBODY]
    named = tuple(sorted({each.segment for each in signals} - {EVERYBODY}))
    apart = squares.reshape(len(squares), len(own), -1).sum(axis=(0, 2))
    furthest = [own[i] for i in np.argsort(-apart, kind="stable")[:FURTHEST]]
    return list(dict.fromkeys([(), named, *((name,) for name in (*named, *furthest))]))


def _fitted(
    twin: Twin, seen: Seen, intensity: Floats, limits: Limits, since: int, start: int,
    scope: tuple[str, ...],
) -> tuple[float, Change]:  # fmt: skip
    """Return what the periods from ``since`` on say for events from ``start`` on, -2 log, and the likeliest events.

    ``S(theta) + log det(1 + prior^2 J'J)``: Laplace's evidence, in which a number that fits pays for its freedom.
    """

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
        return np.append(_residual(made(theta)[0], seen, intensity, limits, since).ravel(), theta / PRIOR)

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
    freedom = np.linalg.slogdet(slope.T @ slope)[1] + 2 * theta.size * math.log(PRIOR)
    return float((now**2).sum() + freedom), Change(changed, shocks)


def _residual(twin: Twin, seen: Seen, intensity: Floats, limits: Limits, since: int) -> Floats:
    """Return standardised deviations of what routes show in, (periods since, segments x quantities)."""
    actual, planned = deviations(seen, expected_of(twin.chain, intensity, seen))
    z = limits.z(actual - planned)[since:]
    if EVERYBODY in limits.names:
        z = z[:, :-1]  # which is the sum of the others
    return np.asarray(z[:, :, [QUANTITIES.index(name) for name in ROUTES]].reshape(len(z), -1))


def _with(twin: Twin, shocks: tuple[Shock, ...], phase: int = 0) -> Twin:
    """Return a twin in whose scenario more happens; customers and laws are the same."""
    given, chain = twin.scenario, twin.chain
    update: dict[str, object] = {"shocks": (*given.shocks, *shocks)}
    if phase:
        update["seasons"] = (*given.seasons[phase:], *given.seasons[:phase])
    scenario = given.model_copy(update=update)
    environment = scheduled_environment(scenario, chain.targets, chain.attitudes, chain.periods)  # type: ignore[attr-defined]
    return replace(twin, scenario=scenario, chain=replace(chain, scenario=scenario, environment=environment))  # type: ignore[call-arg]
