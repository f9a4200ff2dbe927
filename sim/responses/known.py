"""Curves as answers, experiments, logs and histories tell them, one after another, and answers held against all."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import zip_longest
from typing import Any, NamedTuple

from sim.arrays import Floats
from sim.responses.agreeing import against
from sim.responses.arms import Measured
from sim.responses.history.fit import Fitted, Named, fit_history, keys_of
from sim.responses.history.read import History
from sim.responses.logs import of_log
from sim.responses.posterior import Belief, Posterior, settle
from sim.responses.priors import held_against, widened
from sim.responses.read import Key, Trial
from sim.responses.shape import Shape
from sim.responses.tiring import Memory, Tired
from sim.scenario.file import Scenario

__all__ = ["Known", "WithRows", "settled", "with_rows"]


class Known(NamedTuple):
    """What is known of a curve: its shape and place, experiments, beliefs, before and after data, logs."""

    shape: Shape
    path: str
    tested: list[tuple[Trial, Measured]]
    stated: list[Belief]
    """Beliefs as they were stated, and as wide as they are taken."""
    beliefs: list[Belief]
    near: Floats
    """How these move together."""
    before: Posterior
    after: Posterior
    logs: tuple[Trial, ...] = ()


class WithRows(NamedTuple):
    """Curves with logs and histories, what each of these tells, and which beliefs and experiments are in conflict."""

    curves: dict[Key, Known]
    lates: list[tuple[Trial, Tired]]
    fits: list[Fitted]
    said: dict[Key, dict[float, str]]
    """By intensity."""
    disagree: dict[Key, list[str]]


def settled(
    shape: Shape, path: str, tested: list[tuple[Trial, Measured]], stated: list[Belief], beliefs: list[Belief],
    near: Floats, seed: int,
) -> Known:  # fmt: skip
    """Return a curve as answers and experiments tell it."""
    before = settle(shape, beliefs, (), seed, near)
    after = settle(shape, beliefs, tested, seed, near) if tested else before
    return Known(shape, path, tested, stated, beliefs, near, before, after)


def _with(known: Known, beliefs: list[Belief], seed: int) -> Known:
    return settled(*known[:4], beliefs, known.near, seed)


def with_rows(
    scenario: Scenario, trials: Sequence[Trial], histories: Sequence[History], curves: dict[Key, Known],
    ranges: Mapping[str, Mapping[str, Any]], seed: int,
) -> WithRows:  # fmt: skip
    """Return curves as logs and histories tell them too; beliefs give way to these first.

    What logs and histories say themselves is told by a fit under wide beliefs.
    """
    watched = set(keys_of(scenario, histories))
    by_rows = watched | {trial.key for trial in trials if trial.who is not None}
    said: dict[Key, dict[float, str]] = {key: {} for key in curves}
    disagree: dict[Key, list[str]] = {}
    near: Sequence[Mapping[Named, float] | None] = [None] * len(histories)
    if by_rows:
        wide = {key: _with(known._replace(tested=[]), widened(known.beliefs), seed) for key, known in curves.items()}
        told, _, wide_fits = _once(scenario, trials, histories, wide, ranges, seed)
        near = [each.at for each in wide_fits]
        for key in sorted(by_rows):
            known, biased = curves[key], key in watched or any(trial.chosen for trial in told[key].logs)
            beliefs, said[key] = held_against(known.shape, known.stated, known.beliefs, told[key].after, biased)
            if more := against(known.tested, known.shape, told[key].after):
                disagree[key] = more
            if beliefs != known.beliefs:
                curves = curves | {key: _with(known, beliefs, seed)}
    # levels that two sources do not agree on look as if the one with periods carried over
    steady = {key[0] for key in disagree if key in watched}
    for key in disagree:
        disagree[key] += (
            ["as they disagree, it is not looked for whether money carries over"] if key[0] in steady else []
        )
    found, lates, fits = _once(scenario, trials, histories, curves, ranges, seed, steady, near)
    return WithRows(found, lates, fits, said, disagree)


def _once(
    scenario: Scenario, trials: Sequence[Trial], histories: Sequence[History], curves: dict[Key, Known],
    ranges: Mapping[str, Mapping[str, Any]], seed: int, steady: AbstractSet[str] = frozenset(),
    near: Sequence[Mapping[Named, float] | None] = (),
) -> tuple[dict[Key, Known], list[tuple[Trial, Tired]], list[Fitted]]:  # fmt: skip
    """Return curves as all rows tell them with these beliefs, and what else each log and history tells."""
    memories: dict[str, Memory] = {}
    lates, fits = list[tuple[Trial, Tired]](), list[Fitted]()
    for trial in (each for each in trials if each.who is not None):
        known, lever = curves[trial.key], trial.key[0]
        late = of_log(scenario, trial, known.shape, known.after, memories.get(lever), ranges, seed)
        memories[lever] = late.memory
        curves = curves | {trial.key: known._replace(after=late.posterior, logs=(*known.logs, trial))}
        lates.append((trial, late))
    for history, begin in zip_longest(histories, near):
        shapes = {key: curves[key].shape for key in keys_of(scenario, [history])}
        known_before = {key: curves[key].after for key in shapes}
        fits.append(fit_history(scenario, history, shapes, known_before, seed, steady, begin))
        curves = curves | {key: curves[key]._replace(after=after) for key, after in fits[-1].posteriors.items()}
    return curves, lates, fits
