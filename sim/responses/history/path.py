"""What the fluid twin says came in, period by period, under the money of a history and any curves.

Money of a lever and segment is spread evenly over those in its target there, as they are then. What acts is
``s_t = (1 - c) m_t + c s_(t-1)``, so that steady money acts as it is spent; levers the history does not name act at
today's spend. What is expected of an outcome is expected given those before it, so that no luck is seen twice: people
won, given the periods before; active customers and purchases, given who was won; money, given the purchases. After each
period prospects and active customers are made as many as they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.engine.chain import observed_counts
from sim.engine.fluid import Counting
from sim.engine.fluid_kernels import advance
from sim.engine.fluid_pass import FluidPass, Money, Period
from sim.engine.lifecycle import Lifecycle
from sim.errors import InputError
from sim.responses.history.read import History
from sim.responses.read import Key
from sim.scenario.file import STAGES, Scenario, parse
from sim.scenario.market import Lever, LeverInSegment
from sim.twin import build

__all__ = ["Paths", "paths_of"]

AWAY = ("unaware", "prospect", "lapsed")


@dataclass(frozen=True, eq=False)
class Paths:
    """The twin of a scenario over a history's periods.

    Attributes
    ----------
    chain : Lifecycle
    history : History
    cell : (groups, stages, levers)
        Which money of the history, of (segment, lever), a target gets; -1: none.
    part : (groups,)
        Which of the history's segments a group belongs to.
    levers : tuple of str
        Of the history, those the scenario has.
    """

    chain: Lifecycle
    history: History
    cell: Ints
    part: Ints
    levers: tuple[str, ...]

    def run(self, numbers: Mapping[Key, Mapping[str, float]], carried: Floats) -> dict[str, Floats]:
        """Return what comes in, (periods, segments) by outcome.

        Parameters
        ----------
        numbers
            Of curves, by key, as a scenario states them.
        carried : (levers,)
            Share of what acts that is carried over from the period before.
        """
        chain = replace(self.chain, scenario=_with(self.chain.scenario, numbers))
        history = self.history
        number, periods = len(history.segments), len(history.periods)
        own = [history.levers.index(name) for name in self.levers]
        acts = _filtered(history.spend[:, :, own], carried)
        money = Money(chain.targets, self.cell, acts.reshape(periods, -1))
        plan = np.tile(chain.targets.reference, (periods, 1, 1, 1))
        run, counting = FluidPass(chain, plan), Counting(chain)
        out = {kind: np.zeros((periods, number)) for kind in history.outcome}
        inside = np.array([stage not in AWAY for stage in STAGES])
        prospect = STAGES.index("prospect")
        prospects, actives = chain.block_stage == prospect, inside[chain.block_stage]

        def by_segment(amount: Any) -> Floats:
            return np.asarray(np.bincount(self.part, weights=amount, minlength=number))

        observed = observed_counts(chain, run.occupancy)
        for t in range(periods):
            plan[t] = np.where(self.cell >= 0, money.intensity(t, observed), plan[t])
            each = run.period(t, observed)
            number_by_law, flows = counting.by_law(each.occupancy), counting.flows(each)
            chance = (number_by_law * chain.events(each.step)["won"]).sum(axis=1)
            won = by_segment(np.bincount(chain.group, chance, self.part.size))
            luck = _ratio(self._seen("won", t), won)
            if "won" in out:
                run.occupancy += self._entered(each, prospects) * (luck - 1)[self.part[chain.group]][:, None]
                left = by_segment(observed_counts(chain, run.occupancy)[:, prospect])
                self._scale(run.occupancy, prospects, left, left + won - luck * won)
            bought, paid = (_first(flows[name], prospect, luck[self.part]) for name in ("purchases", "revenue"))
            found = {"won": won, "purchases": by_segment(bought)}
            found["active"] = by_segment(observed_counts(chain, run.occupancy)[:, inside].sum(axis=1))
            found["money"] = by_segment(paid) * _ratio(self._seen("purchases", t), found["purchases"])
            for kind, held in out.items():
                held[t] = found[kind]
            if "active" in out:
                self._scale(run.occupancy, actives, out["active"][t], history.outcome["active"][t])
            observed = observed_counts(chain, run.occupancy)
        return out

    def _seen(self, kind: str, period: int) -> Floats:
        """Return an outcome by segment; nan where it is not known."""
        seen = self.history.outcome.get(kind)
        return np.full(len(self.history.segments), np.nan) if seen is None else seen[period]

    def _entered(self, each: Period, prospects: Flags) -> Floats:
        """Return whom a period won, by (block, state) they came to."""
        out = np.zeros(each.occupancy.shape)
        advance(np.where(prospects, each.occupancy, 0.0), each.step.probability, self.chain.links, out)
        return np.where(prospects, 0.0, out)

    def _scale(self, occupancy: Floats, where: Flags, have: Floats, should: Floats) -> None:
        """Make customers in some (block, state) as many as they were, by segment; nan where that is not known."""
        share = np.maximum(np.where(np.isfinite(should), should, have), 0) / np.maximum(have, 1e-300)
        occupancy *= np.where(where, share[self.part[self.chain.group]][:, None], 1.0)


def _ratio(seen: Floats, expected: Floats) -> Floats:
    """Return how many times what was expected was seen; 1 where that is not known."""
    known = np.isfinite(seen) & (expected > 0)
    return np.divide(seen, expected, out=np.ones(seen.shape), where=known)


def _first(flow: Floats, prospect: int, luck: Floats) -> Floats:
    """Return a flow of (group, stage) by group, first purchases as many as people were won."""
    return np.asarray(flow.sum(axis=1) + (luck - 1) * flow[:, prospect])


def paths_of(scenario: Scenario, history: History) -> Paths:
    """Return the twin of a scenario whose customers are those at the history's beginning.

    Raises
    ------
    InputError
        If the scenario is of another kind, or the history names segments it does not have.
    """
    content = scenario.model_dump(mode="json", exclude_unset=True, exclude={"rules", "uncertain", "evidence"})
    for lever in content.get("levers", {}).values():
        lever.pop("of_late", None)  # what is carried over is found anew, and what tires is in no curve of steady money
    long = parse({**content, "periods": len(history.periods), "terminal": "none", "folder": scenario.folder})
    twin = build(long)
    if scenario.chain is not None:
        raise InputError(f"{history.where}: a history is fitted to customers who are won and lost, and not to a chain")
    targets = twin.chain.targets
    known = list(dict.fromkeys(targets.segments))
    if history.segments != ("",):
        for name in history.segments:
            if name not in known:
                raise InputError(f"{history.where}: segment '{name}': the scenario has {', '.join(known)}")
        missing = [name for name in known if name not in history.segments]
        if missing:
            raise InputError(
                f"{history.where}: no rows of segment '{missing[0]}'; give all segments of the scenario, or leave the "
                "column out for all of them together"
            )
        part = np.array([history.segments.index(name) for name in targets.segments])
    else:
        part = np.zeros(len(targets.segments), dtype=np.int64)
    levers = tuple(name for name in history.levers if name in scenario.levers)
    if not levers:
        raise InputError(
            f"{history.where}: none of its columns {', '.join(history.levers)} is a lever; the scenario has "
            f"{', '.join(scenario.levers)}"
        )
    cell = np.full(targets.shape, -1)
    for j, name in enumerate(levers):
        i = list(scenario.levers).index(name)
        cell[:, :, i] = np.where(targets.allowed[:, :, i], (part * len(levers) + j)[:, None], -1)
    return Paths(cast("Lifecycle", twin.chain), history, cell, part, levers)


def _filtered(spend: Floats, carried: Floats) -> Floats:
    out = spend.copy()
    for t in range(1, len(out)):
        out[t] = np.maximum((1 - carried) * spend[t] + carried * out[t - 1], 0.0)
    return out


def _with(scenario: Scenario, numbers: Mapping[Key, Mapping[str, float]]) -> Scenario:
    """Return a scenario with other numbers of its curves; they are not checked anew, as they are made in bounds."""
    levers = dict(scenario.levers)
    for (lever, moves, segment), stated in numbers.items():
        own = levers[lever]
        if segment:
            there = own.by_segment[segment].model_copy(update={"moves": _moved(own.by_segment[segment], moves, stated)})
            levers[lever] = own.model_copy(update={"by_segment": {**own.by_segment, segment: there}})
        else:
            levers[lever] = own.model_copy(update={"moves": _moved(own, moves, stated)})
    return scenario.model_copy(update={"levers": levers})


def _moved(lever: Lever | LeverInSegment, moves: str, stated: Mapping[str, float]) -> dict[str, Any]:
    """Return a lever's curves with other numbers of one."""
    return {
        name: curve.model_copy(update=dict(stated)) if name == moves else curve for name, curve in lever.moves.items()
    }
