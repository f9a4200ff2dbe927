"""Logs of contacts in what is learned: curves with the fatigue that they show, as scenarios state it, and in words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.intervals import NORMAL
from sim.responses.posterior import Posterior
from sim.responses.read import Key, Trial, named
from sim.responses.shape import Shape
from sim.responses.tiring import FORGETS, PULLED, USUAL, Memory, Tired, tired, usual_money
from sim.scenario import of_late as scenario_of_late
from sim.scenario.file import Scenario

__all__ = ["OfLate", "heads_of", "in_words", "of_late", "of_log"]

ENDS = (2.5, 50, 97.5)


class OfLate(NamedTuple):
    """What is known of a lever's money of late: a key of ``of_late``, what it is, its 95 % interval, and of how many.

    ``fatigue`` (money a head and period), ``keep``, ``pulled_forward``; ``lost``: the share of what money does that is
    lost at twice the ``usual`` money of late.
    """

    lever: str
    key: str
    value: float
    low: float
    high: float
    n: int
    usual: float
    lost: tuple[float, float, float]


def heads_of(trial: Trial) -> int:
    """Return how many customers a log is of, each counted once."""
    assert trial.who is not None
    most: dict[Any, float] = {}
    for who, heads in zip(trial.who.tolist(), trial.customers.tolist(), strict=True):
        most[who] = max(most.get(who, 0.0), heads)
    return int(sum(most.values()))


def of_log(
    scenario: Scenario, trial: Trial, shape: Shape, prior: Posterior, memory: Memory | None,
    ranges: Mapping[str, Mapping[str, Any]], seed: int,
) -> Tired:  # fmt: skip
    """Return the curve and the fatigue that a log tells, after what the scenario states and other logs said."""
    lever, stated = trial.key[0], _stated(scenario, trial.key[0])
    reference = _reference(scenario, trial.key)
    usual = usual_money(trial, reference)
    logit = np.log(stated.keep / (1 - stated.keep))
    held = np.array([0.0 if stated.fatigue is None else 1 / stated.fatigue, logit, stated.pulled_forward])
    if memory is None:
        mean, spread = np.array([0.0, logit, 0.0]), np.array([USUAL / usual, FORGETS, PULLED])
        for i, (name, scale) in enumerate((("fatigue", _inverse), ("keep", _logit), ("pulled_forward", float))):
            known = ranges.get(f"levers.{lever}.of_late.{name}")
            if known is not None:
                mean[i] = held[i]
                spread[i] = max(abs(scale(known["high"]) - scale(known["low"])) / (2 * NORMAL), 1e-3)
        memory = Memory(mean, np.diag(spread**2), stated.carry_over)
    return tired(trial, shape, prior, memory, reference, usual, held, seed)


def _inverse(value: float) -> float:
    return 1 / value


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def of_late(
    content: dict[str, Any], ranges: dict[str, Any], found: Tired, trial: Trial
) -> tuple[list[OfLate], dict[str, Floats]]:
    """Write what is told of a lever's memory into a scenario's content; return it, and its draws by where it stands."""
    lever, path = trial.key[0], f"levers.{trial.key[0]}.of_late"
    own, out, draws = content["levers"][lever], list[OfLate](), dict[str, Floats]()
    before = own.get("of_late") or {}
    for name, values in found.of_late.items():
        low, middle, high = (float(f"{each:.8g}") for each in np.percentile(values, ENDS))
        before = {**before, name: middle}
        ranges[f"{path}.{name}"] = {"path": f"{path}.{name}", "low": low, "high": high, "law": "normal"}
        draws[f"{path}.{name}"] = values
        out.append(OfLate(lever, name, middle, low, high, heads_of(trial), found.usual, found.lost))
    own["of_late"] = before
    return out, draws


def in_words(scenario: Scenario, trial: Trial, found: Tired) -> list[str]:
    """Return what a log tells of fatigue, and what it cannot."""
    lever, moves, _ = trial.key
    name = f"{trial.where}: {named(trial.key)}"
    stated, out = _stated(scenario, lever), list[str]()
    low, value, high = found.lost
    if "fatigue" not in found.of_late:
        stays = "none is stated" if stated.fatigue is None else f"`of_late.fatigue` stays {stated.fatigue:g}"
        out.append(
            f"{name}: the log does not tell that it tires (at {2 * found.usual:.4g} each per period of late it works "
            f"{_worse(value)} than at {found.usual:.4g}, 95 % interval {_worse(low)} to {_worse(high)}); {stays}"
        )
    low, value, high = found.pulled
    if moves == "purchase_rate" and "pulled_forward" not in found.of_late:
        share = stated.pulled_forward
        stays = f"`of_late.pulled_forward` stays {share:g}" if share else "none is stated"
        out.append(
            f"{name}: the log does not tell that purchases were pulled forward ({value:.0%} of those added, {low:.0%} "
            f"to {high:.0%}); {stays}"
        )
    out.append(
        f"{name}: what a customer got before its first row is taken to be today's "
        f"{_reference(scenario, trial.key):g}, and a period without a row as one without money"
    )
    out.append(f"{name}: spill-over is not looked for in a log; without its periods a column cluster tells it")
    if trial.chosen:
        out.append(
            f"{name}: the firm chose who got money and when, there is no control group at random: customers are alike "
            "only as far as their traits and earlier money tell"
        )
    return out


def _worse(lost: float) -> str:
    """Return by how much money works worse or better; beyond twice as well the number says nothing."""
    return f"{lost:.0%} worse" if lost >= 0 else f"{-lost:.0%} better" if lost > -1 else "more than 100% better"


def _stated(scenario: Scenario, lever: str) -> scenario_of_late.OfLate:
    """Return what a lever remembers: nothing, unless it is stated."""
    return scenario.levers[lever].of_late or scenario_of_late.OfLate.model_construct()


def _reference(scenario: Scenario, key: Key) -> float:
    """Return the money a head under which the data were gathered."""
    lever = scenario.levers[key[0]]
    own = lever.by_segment.get(key[2])
    return lever.reference if own is None or own.reference is None else own.reference
