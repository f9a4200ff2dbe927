"""What decisions are worth from every period on, where customers do not move each other's odds: one pass backwards.

With ``V[t]`` what a customer of a state is worth from the start of period ``t`` on, undiscounted, and ``W[t]`` what
those are worth who appear later::

    V[t] = reward[t] - money[t] + P[t] V[t + 1] / (1 + d)
    W[t] = (arrivals[t] . V[t + 1] + W[t + 1]) / (1 + d)

(Bellman 1957; the adjoint of the fluid pass, :mod:`sim.engine.sensitivity`.) A plan that is played until ``t`` leaves
``occupancy[t]``, and another from then on is worth ``occupancy[t] . V[t] + W[t]``, whatever ``t`` is: so all moments of
a change of plan are read off the same pass.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ControlledChain
from sim.engine.fluid_kernels import worth_before
from sim.engine.fluid_pass import FluidPass
from sim.engine.sensitivity import follow

__all__ = ["alone", "left_by", "onward", "worth_if_changed"]


def alone(chain: ControlledChain) -> bool:
    """Return whether a customer's odds depend on today's money for it alone, so that a state has a worth of its own.

    Neither on other customers nor on what levers did before.
    """
    return not chain.couples and chain.late is None


def onward(chain: ControlledChain, plans: Sequence[Floats]) -> Iterator[tuple[int, Floats, Floats]]:
    """Yield period ``t``, ``V[t]`` and ``W[t]`` of each plan, from the horizon back to period 0.

    Parameters
    ----------
    chain : ControlledChain
        Whose customers are :func:`alone`.
    plans : sequence of (periods, groups, stages, levers)
        Intensities that act, money per targeted customer per period.

    Yields
    ------
    period : int
    worth : (plans, blocks, states)
        Of a customer, undiscounted. It is overwritten by what comes next.
    to_come : (plans,)
        Of all who appear from that period on.

    Raises
    ------
    InputError
        If a pass does not fit into the memory that is free.
    """
    chain.refuse_size(1 + len(plans))
    factor = 1 / (1 + chain.discount_rate)
    after = np.repeat(chain.terminal[None], len(plans), axis=0)
    before, to_come = np.empty_like(after), np.zeros(len(plans))
    yield chain.periods, after, to_come
    for t in range(chain.periods - 1, -1, -1):
        intensity = np.stack([plan[t] for plan in plans])
        money = np.ascontiguousarray(chain.targets.of_budget(intensity).sum(axis=3))
        to_come = factor * (np.tensordot(after, chain.arrivals[t], axes=2) + to_come)
        for i, step in enumerate(chain.steps(chain.environment[t], intensity)):
            worth_before(step.probability, chain.links, step.reward, money[i], factor, after[i], before[i])
        after, before = before, after
        yield t, after, to_come


def left_by(chain: ControlledChain, plan: Floats, periods: Sequence[int]) -> dict[int, tuple[float, Floats]]:
    """Return by period what a plan has brought until its start, discounted, and the customers then, (blocks, states).

    Periods after the last that is asked for are not looked at.
    """
    run, brought, out = FluidPass(chain, plan), 0.0, {}
    last = max(periods, default=-1)
    for t in range(last + 1):
        if t in periods:
            out[t] = brought, run.occupancy
        if t < last:
            now = run.period(t)
            earned = now.occupancy.ravel() @ now.step.reward.ravel()[chain.law_place]
            spent = chain.targets.of_budget(now.observed[:, :, None] * now.intensity).sum()
            brought += float(chain.discount[t]) * float(earned - spent)
    return out


def worth_if_changed(chain: ControlledChain, first: Floats, plans: Sequence[Floats], periods: Sequence[int]) -> Floats:
    """Return the customer asset where ``first`` is played until a period and another plan from its start on.

    Parameters
    ----------
    first : (periods, groups, stages, levers)
    plans : sequence of (periods, groups, stages, levers)
    periods : sequence of int
        Of the change; 0: the other plan is played from the start.

    Returns
    -------
    (periods, plans)

    Raises
    ------
    InputError
        If a pass does not fit into the memory that is free.

    Examples
    --------
    >>> chain = build(parse(content)).chain
    >>> today = np.repeat(chain.targets.reference[None], chain.periods, axis=0)
    >>> changed = worth_if_changed(chain, today, [today, 0 * today], [0, 2])
    >>> bool(changed[0, 1] < changed[1, 1] < changed[0, 0])
    True
    """
    if not alone(chain):
        changed = [[np.concatenate([first[:t], plan[t:]]) for plan in plans] for t in periods]
        return np.array([[follow(chain, plan).asset for plan in row] for row in changed])
    out, place = np.empty((len(periods), len(plans))), {t: i for i, t in enumerate(periods)}
    left = left_by(chain, first, periods)
    for t, worth, to_come in onward(chain, plans):
        if t in place:
            brought, people = left[t]
            out[place[t]] = brought + chain.discount[t] * (np.tensordot(worth, people, axes=2) + to_come)
    return out
