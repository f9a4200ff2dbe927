"""Logs of contacts in what is learned: curves with the fatigue that they show, as scenarios state it, and in words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.intervals import NORMAL
from sim.responses.posterior import Posterior
from sim.responses.read import Key, Trial
from sim.responses.shape import Shape
from sim.responses.tiring import FORGETS, USUAL, Memory, Tired, tired, usual_money
from sim.scenario.file import Scenario
from sim.scenario.of_late import OfLate

__all__ = ["Fatigue", "fatigue_of", "heads_of", "in_words", "of_log"]

ENDS = (2.5, 50, 97.5)


class Fatigue(NamedTuple):
    """What is known of a lever that tires, each with its 95 % interval.

    ``room``: ``of_late.fatigue``, money a head and period; ``keep``; ``lost``: share of what money does that is lost at
    twice the ``usual`` money of late; ``n``: customers in the log.
    """

    lever: str
    usual: float
    room: float
    room_low: float
    room_high: float
    keep: float
    keep_low: float
    keep_high: float
    lost: float
    lost_low: float
    lost_high: float
    n: int


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
    if memory is None:
        path, mean = f"levers.{lever}.of_late", np.array([0.0, np.log(stated.keep / (1 - stated.keep))])
        spread = np.array([USUAL / usual, FORGETS])
        known = ranges.get(f"{path}.fatigue")
        if stated.fatigue is not None and known is not None:
            mean[0] = 1 / stated.fatigue
            spread[0] = max((1 / known["low"] - 1 / known["high"]) / (2 * NORMAL), 1e-3 * mean[0])
        known = ranges.get(f"{path}.keep")
        if known is not None:
            low, high = (np.log(known[end] / (1 - known[end])) for end in ("low", "high"))
            spread[1] = max(float(high - low) / (2 * NORMAL), 1e-3)
        memory = Memory(mean, np.diag(spread**2), stated.carry_over)
    held = (0.0 if stated.fatigue is None else 1 / stated.fatigue, stated.keep)
    return tired(trial, shape, prior, memory, reference, usual, held, seed)


def fatigue_of(
    content: dict[str, Any], ranges: dict[str, Any], found: Tired, trial: Trial
) -> tuple[Fatigue, dict[str, Floats]]:
    """Write a lever's fatigue into a scenario's content; return it, and its draws by where it stands."""
    lever, path = trial.key[0], f"levers.{trial.key[0]}.of_late"
    own, out, draws = content["levers"][lever], dict[str, float](), dict[str, Floats]()
    before = own.get("of_late") or {}
    for name, values in (("fatigue", found.room), ("keep", found.keep)):
        low, middle, high = (float(f"{each:.8g}") for each in np.percentile(values, ENDS))
        before = {**before, name: middle}
        ranges[f"{path}.{name}"] = {"path": f"{path}.{name}", "low": low, "high": high, "law": "normal"}
        draws[f"{path}.{name}"] = values
        known = "room" if name == "fatigue" else name
        out |= {known: middle, f"{known}_low": low, f"{known}_high": high}
    own["of_late"] = before
    low, value, high = found.lost
    return Fatigue(lever, found.usual, **out, lost=value, lost_low=low, lost_high=high, n=heads_of(trial)), draws


def in_words(scenario: Scenario, trial: Trial, found: Tired) -> list[str]:
    """Return what a log tells of fatigue, and what it cannot."""
    lever, moves, segment = trial.key
    name = f"{trial.where}: {lever} on {moves}" + (f" of {segment}" if segment else "")
    reference, (low, value, high) = _reference(scenario, trial.key), found.lost
    out = []
    if not found.told:
        was = _stated(scenario, lever).fatigue
        stays = "none is stated" if was is None else f"`levers.{lever}.of_late.fatigue` stays {was:g}"
        out.append(
            f"{name}: the log does not tell that it tires (at {2 * found.usual:.4g} each per period of late it works "
            f"{value:.0%} worse than at {found.usual:.4g}, {low:.0%} to {high:.0%}); {stays}"
        )
    out += [
        f"{name}: what a customer got before its first row is taken to be today's {reference:g}, and a period without "
        "a row as one without money",
    ]
    if trial.chosen:
        out.append(
            f"{name}: the firm chose who got money and when, there is no control group at random: customers are alike "
            "only as far as their traits and earlier money tell"
        )
    return out


def _stated(scenario: Scenario, lever: str) -> OfLate:
    """Return what a lever remembers: nothing, unless it is stated."""
    return scenario.levers[lever].of_late or OfLate.model_construct()


def _reference(scenario: Scenario, key: Key) -> float:
    """Return the money a head under which the data were gathered."""
    lever = scenario.levers[key[0]]
    own = lever.by_segment.get(key[2])
    return lever.reference if own is None or own.reference is None else own.reference
