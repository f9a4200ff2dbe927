"""What `docs/model.md` says of the retailer, as plain tables: what every peer of the engine computes with.

Made from the scenario's content alone, without the engine, so that a peer can run in an environment of its own and
agrees with the engine only if both follow the same text. Needs NumPy and nothing else.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from benchmarks.retailer import ALIVE, GONE, LOST, PROSPECT, STAGES, UNAWARE, intensities, spread_observed
from sim.arrays import Floats, Ints

__all__ = ["EVENTS", "LEVELS", "Behaviour", "Ledger", "Result", "Start", "behaviour_of", "draw_start"]


LEVELS = 5
EVENTS = ("aware", "won", "returned", "left", "lost")
AWARE_EVENT, WON_EVENT, RETURNED_EVENT, LEFT_EVENT, LOST_EVENT = range(5)
UNDERSTOOD = {
    "name", "period", "periods", "terminal", "margin", "loss", "stages", "segments", "satisfaction", "word_of_mouth",
    "competitors", "levers",
}  # fmt: skip


class Result(TypedDict):
    """What a peer hands back: the time of the periods alone, how many it did, what happened in all of them."""

    seconds: float
    customer_periods: int
    totals: dict[str, float]


@dataclass(frozen=True, eq=False)
class Start:
    """People at the start, sorted by segment: truth (unaware, prospect, alive, gone, lost), what was seen, traits."""

    segment: NDArray[np.int16]
    truth: NDArray[np.uint8]
    bought: NDArray[np.uint8]
    silent: NDArray[np.uint8]
    level: NDArray[np.uint8]
    purchase_rate: NDArray[np.float32]
    defection_rate: NDArray[np.float32]
    mean_spend: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Return how many people there are."""
        return int(self.truth.size)

    def save(self, path: Path) -> None:
        """Write the arrays to a file."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> "Start":
        """Return the people in a file."""
        with np.load(path) as arrays:
            return Start(**{name: arrays[name] for name in arrays.files})

    def every(self, step: int) -> "Start":
        """Return every ``step``-th of the people."""
        return Start(**{field.name: getattr(self, field.name)[::step].copy() for field in fields(self)})


@dataclass(frozen=True, eq=False)
class Behaviour:
    """The odds of a period under the intensities played.

    Attributes
    ----------
    periods, core, declining, lapsed
        Horizon and thresholds.
    entry : (levels,)
        Cumulated shares of levels 1..5 among the newly won and the returned.
    word_of_mouth, net_promoters
        By how much chances rise per net promoter share of 1 above this one, the mix's.
    aware, won : (segments,)
        Chances per period, without word of mouth and rivals.
    returned : (segments, stages)
    lost : (segments,)
    defection, rate, amount : (segments, stages, levels + 1)
        Multipliers by observed stage and level 1..5, without rivals.
    up : (segments, stages, levels + 1)
        Chances of a level more.
    weight, speed : (levels + 1, levels)
        ``sum_j weight[k, j] exp(speed[k, j] mu)`` is the chance of a level less for a defection rate ``mu`` of the
        customer's own, cut to 0 .. ``most[k]``, before shifts; it is never above ``flat[k] + steep[k] mu``.
    most, flat, steep : (levels + 1,)
    shift : (segments, stages)
        What levers take from that chance.
    amount_shape : (segments,)
        ``p``: an amount is the mean times ``Gamma(p, p)``.
    rivals : (periods, 2)
        What rivals multiply: defection rate, chance of winning.
    intensity : (segments, stages, levers)
    """

    periods: int
    core: int
    declining: int
    lapsed: int
    entry: Floats
    word_of_mouth: float
    net_promoters: float
    aware: Floats
    won: Floats
    returned: Floats
    lost: Floats
    defection: Floats
    rate: Floats
    amount: Floats
    up: Floats
    weight: Floats
    speed: Floats
    most: Floats
    flat: Floats
    steep: Floats
    shift: Floats
    amount_shape: Floats
    rivals: Floats
    intensity: Floats

    @property
    def segments(self) -> int:
        """Return how many segments there are."""
        return int(self.aware.size)

    def stage(self, bought: int, silent: int) -> int:
        """Return the observed stage of who has bought."""
        if silent >= self.lapsed:
            return STAGES.index("lapsed")
        if silent >= self.declining:
            return STAGES.index("declining")
        if bought >= self.core:
            return STAGES.index("core")
        return STAGES.index("new") if bought == 1 else STAGES.index("developing")

    def stage_table(self) -> Ints:
        """Return the stage by purchases (0 unused) and silent periods, (core + 1, lapsed + 1)."""
        table = [[self.stage(max(n, 1), s) for s in range(self.lapsed + 1)] for n in range(self.core + 1)]
        return np.array(table, dtype=np.int64)

    def crowd(self, net: float, alive: float) -> float:
        """Return what word of mouth multiplies chances by, from promoters less detractors and customers."""
        if alive <= 0:
            return 1.0
        return max(0.0, 1 + self.word_of_mouth * (net / alive - self.net_promoters))


def _response(curve: dict[str, float], intensity: float) -> float:
    """Return Blattberg & Deighton's curve with a floor."""
    room = curve["unlimited_money"] - curve["without_money"]
    share = (curve["brings"] - curve["without_money"]) / room
    speed = -math.log1p(-share) / curve["spend"]
    return curve["without_money"] - room * math.expm1(-speed * intensity)


def behaviour_of(content: dict[str, Any]) -> Behaviour:
    """Return the tables of a retailer's scenario.

    Raises
    ------
    ValueError
        If the scenario has something that the peers do not do.
    """
    extra = set(content) - UNDERSTOOD
    if extra:
        raise ValueError(f"{min(extra)}: the peers do not do that")
    segments = list(content["segments"].values())
    groups, stages = len(segments), len(STAGES)
    played = intensities(content)
    missed = np.ones((3, groups, stages))
    effect = {name: np.ones((groups, stages)) for name in ("survival", "purchase_rate", "amount")}
    shift = np.zeros((groups, stages))
    chances = ("awareness", "acquisition", "reactivation")
    for i, lever in enumerate(content["levers"].values()):
        for stage in (STAGES.index(name) for name in lever["targets"]):
            for moved, curve in lever["moves"].items():
                f, usual = _response(curve, played[0, stage, i]), _response(curve, lever["reference"])
                if moved in chances:
                    missed[chances.index(moved), :, stage] *= 1 - f
                elif moved == "survival":
                    effect[moved][:, stage] *= math.log(f) / math.log(usual)
                elif moved == "satisfaction":
                    shift[:, stage] += f - usual
                else:
                    effect[moved][:, stage] *= (1 + f) / (1 + usual)

    feel = content["satisfaction"]
    mix = np.array(feel["mix"]) / sum(feel["mix"])
    numbers = np.arange(1.0, LEVELS + 1)

    def by_level(step: float) -> Floats:
        multiplier = step**numbers
        return np.concatenate([[1.0], multiplier / (mix @ multiplier)])

    leaving = by_level(1 - feel.get("defection_per_level", 0.0))
    up = np.zeros(LEVELS + 1)
    up[1:-1] = feel["mobility"] / 2 * np.minimum(1, mix[1:] / mix[:-1])
    higher = np.clip(up + shift[:, :, None], 0, 1)
    higher[:, :, [0, LEVELS]] = 0
    weight, speed = np.zeros((LEVELS + 1, LEVELS)), leaving[:, None] - leaving[1:]
    for level in range(2, LEVELS + 1):
        below = (np.arange(1, LEVELS + 1) < level).astype(float)
        below[level - 2] -= up[level - 1]
        weight[level] = mix * (mix[: level - 1].sum() - below) / mix[level - 1]
    most = 1 - up
    rates = np.linspace(0.0, 10.0, 2001)[1:]
    chances = np.clip((weight[:, :, None] * np.exp(speed[:, :, None] * rates)).sum(axis=1), 0, most[:, None])
    flat = np.clip(weight.sum(axis=1), 0, most)
    steep = 1.05 * ((chances - flat[:, None]) / rates).max(axis=1).clip(0)

    rivals = np.ones((content["periods"], 2))
    for rival in content["competitors"]:
        if rival["route"] == "defection":
            rivals[rival["start"] : rival.get("end"), 0] *= 1 + rival["strength"]
        elif rival["route"] == "acquisition":
            rivals[rival["start"] : rival.get("end"), 1] *= 1 - rival["strength"]
        else:
            raise ValueError(f"competitors.{rival['name']}: the peers do not do that route")
    promoters = float(mix @ np.array([-1, -1, 0, 1, 1]))
    return Behaviour(
        periods=content["periods"],
        core=content["stages"]["core"],
        declining=content["stages"]["declining"],
        lapsed=content["stages"]["lapsed"],
        entry=np.cumsum(mix),
        word_of_mouth=content["word_of_mouth"],
        net_promoters=promoters,
        aware=1 - missed[0, :, UNAWARE],
        won=1 - missed[1, :, PROSPECT],
        returned=1 - missed[2],
        lost=np.full(groups, content["loss"]),
        defection=effect["survival"][:, :, None] * leaving,
        rate=effect["purchase_rate"][:, :, None] * by_level(1 + feel.get("purchase_rate_per_level", 0.0)),
        amount=effect["amount"][:, :, None] * by_level(1 + feel.get("amount_per_level", 0.0)),
        up=higher,
        weight=weight,
        speed=speed,
        most=most,
        flat=flat,
        steep=steep,
        shift=shift,
        amount_shape=np.array([segment["traits"]["spend"]["p"] for segment in segments]),
        rivals=rivals,
        intensity=played,
    )


def draw_start(content: dict[str, Any], seed: int) -> Start:
    """Return people drawn by NumPy from the scenario's laws and spread as :func:`benchmarks.retailer.spread` does."""
    draws = np.random.default_rng(seed)
    behaviour = behaviour_of(content)
    segment, truth, traits = [], [], []
    for number, each in enumerate(content["segments"].values()):
        size = sum(each["start"].values())
        segment.append(np.full(size, number, dtype=np.int16))
        order = (each["start"]["unaware"], each["start"]["prospect"], each["start"]["new"])
        truth.append(np.repeat([UNAWARE, PROSPECT, ALIVE], order).astype(np.uint8))
        law = each["traits"]
        buys, leaves, spend = law["purchase_rate"], law["defection_rate"], law["spend"]
        traits.append(
            np.stack(
                [
                    draws.gamma(buys["shape"], 1 / buys["rate"], size),
                    draws.gamma(leaves["shape"], 1 / leaves["rate"], size),
                    spend["p"] / draws.gamma(spend["q"], 1 / spend["gamma"], size),
                ]
            )
        )
    true = np.concatenate(truth)
    who = np.flatnonzero(true == ALIVE)
    gone, bought, silent = spread_observed(who.size, behaviour.core, behaviour.lapsed, seed)
    mix = content["satisfaction"]["mix"]
    level = draws.choice(np.arange(1, LEVELS + 1), who.size, p=np.array(mix) / sum(mix))
    seen = np.zeros((3, true.size), dtype=np.uint8)
    seen[:, who] = bought, silent, np.where(gone, 0, level)
    true[who[gone]] = GONE
    rate, defection, spend = np.concatenate(traits, axis=1).astype(np.float32)
    return Start(np.concatenate(segment), true, seen[0], seen[1], seen[2], rate, defection, spend)


class Ledger:
    """What a peer writes down every period, by segment and observed stage.

    Attributes
    ----------
    customers : (periods + 1, segments, stages)
    true : (periods + 1, segments, truths)
    flows : (periods, segments, stages, stages)
        People by stage before and after.
    purchases, revenue : (periods, segments, stages)
    spend : (periods, segments, stages, levers)
    events : (periods, segments, events)
    """

    def __init__(self, behaviour: Behaviour, start: Start) -> None:
        periods, groups, stages = behaviour.periods, behaviour.segments, len(STAGES)
        table = behaviour.stage_table()
        stage = np.where(start.truth >= ALIVE, table[start.bought, start.silent], start.truth)
        group = start.segment.astype(np.int64)
        self.customers = np.zeros((periods + 1, groups, stages), dtype=np.int64)
        self.true = np.zeros((periods + 1, groups, LOST + 1), dtype=np.int64)
        self.customers[0] = np.bincount(group * stages + stage, minlength=groups * stages).reshape(groups, stages)
        self.true[0] = np.bincount(group * (LOST + 1) + start.truth, minlength=groups * (LOST + 1)).reshape(groups, -1)
        self.flows = np.zeros((periods, groups, stages, stages), dtype=np.int64)
        self.purchases = np.zeros((periods, groups, stages), dtype=np.int64)
        self.revenue = np.zeros((periods, groups, stages))
        self.spend = np.zeros((periods, groups, stages, behaviour.intensity.shape[2]))
        self.events = np.zeros((periods, groups, len(EVENTS)), dtype=np.int64)
        self._intensity = behaviour.intensity

    def close(self, period: int) -> None:
        """Finish a period whose purchases, revenue, events and flows *between* stages are written."""
        flows, before = self.flows[period], self.customers[period]
        out = flows.sum(axis=2)
        self.customers[period + 1] = before - out + flows.sum(axis=1)
        every = np.arange(len(STAGES))
        flows[:, every, every] += before - out
        aware, won, returned, left, lost = self.events[period].T
        self.true[period + 1] = self.true[period] + np.stack(
            [-aware, aware - won, won + returned - left, left - returned - lost, lost], axis=1
        )
        self.spend[period] = before[:, :, None] * self._intensity

    def totals(self) -> dict[str, float]:
        """Return what happened over the horizon, and where people are at its end."""
        out = {name: float(self.events[:, :, i].sum()) for i, name in enumerate(EVENTS)}
        out |= {"purchases": float(self.purchases.sum()), "revenue": float(self.revenue.sum())}
        out |= {"spend": float(self.spend.sum()), "alive": float(self.true[-1, :, ALIVE].sum())}
        return out | {name: float(self.customers[-1, :, i].sum()) for i, name in enumerate(STAGES)}
