"""The occupancy LP stated whole: the plain second way to the full-information optimum, for small problems.

Maximise ``sum disc_t x[t,b,s,a] (reward - money) + sum disc_T x[T,b,s] terminal`` over expected head counts
``x >= 0`` with ``sum_a x[0,b,s,a] = initial``, ``sum_a x[t+1,b,s',a] = sum_{s,a} x[t,b,s,a] P(s'|s,a)`` and the rules.
"""

from dataclasses import replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.lp.programmes import LinearProgramme, LpAnswer
from sim.arrays import Floats

__all__ = ["whole_programme"]


def whole_programme(problem: AllocationProblem) -> tuple[LpAnswer, Floats]:
    """Return the LP's answer and the prices of the rules, d(asset)/d(limit).

    Only states that can be reached are stated. Meant for up to some 50,000 variables.
    """
    chain = problem.chain
    regime, law, stage = chain.regimes[1], chain.block_law, chain.block_stage
    successor = chain.space.successor
    index: dict[tuple[int, int, int, int], int] = {}
    objective: list[float] = []
    inflow: list[dict[tuple[int, int], list[tuple[int, float]]]] = [{} for _ in range(chain.periods + 1)]
    reachable = {(int(b), int(s)) for b, s in np.argwhere(chain.initial > 0)}
    for t in range(chain.periods):
        following: set[tuple[int, int]] = set()
        for b, s in sorted(reachable):
            group, line, where = int(chain.group[b]), int(law[b, s]), int(stage[b, s])
            for a in np.flatnonzero(problem.possible[t, group, where]).tolist():
                variable = len(objective)
                index[t, b, s, a] = variable
                cost = problem.actions[group, where, a].sum()
                objective.append(float(chain.discount[t] * (problem.reward[regime[t], b, line, a] - cost)))
                for o, odds in enumerate(problem.probability[regime[t], b, line, a]):
                    if odds > 0:
                        there = (b, int(successor[s, o]))
                        following.add(there)
                        inflow[t + 1].setdefault(there, []).append((variable, float(odds)))
        born = chain.arrivals[t]
        reachable = following | {(int(b), int(s)) for b, s in np.argwhere(born > 0)}
    for (b, s), arriving in inflow[chain.periods].items():
        for variable, odds in arriving:
            objective[variable] += float(chain.discount[-1] * chain.terminal[b, s] * odds)

    # Who appears at the very end is worth something whatever is done.
    last = float((chain.arrivals[-1] * chain.terminal).sum() * chain.discount[-1])
    lp = LinearProgramme(np.array(objective))
    groups, laws = chain.targets.shape[0], chain.space.law_kind.size
    for r, row in enumerate(problem.rows):
        money = problem.money[r].toarray().reshape(chain.periods, *chain.targets.shape)
        people = problem.people[r].toarray().reshape(chain.periods + 1, groups, laws)
        earned = problem.earned[r].toarray().reshape(chain.periods, groups)
        columns, values = [], []
        for (t, b, s, a), variable in index.items():
            group, line = int(chain.group[b]), law[b, s]
            counted = float(money[t, group, stage[b, s]] @ problem.actions[group, stage[b, s], a])
            counted += people[t, group, line] + earned[t, group] * problem.reward[regime[t], b, line, a]
            if t == chain.periods - 1:
                odds = problem.probability[regime[t], b, line, a]
                counted += float(odds @ people[-1, group, law[b, successor[s]]])
            if counted:
                columns.append(variable)
                values.append(counted)
        at_the_end = (chain.arrivals[-1] * people[-1][chain.group[:, None], law]).sum()
        lp.add_row(columns, np.array(values), row.sense, row.limit - float(at_the_end))
    present: dict[tuple[int, int, int], list[int]] = {}
    for (t, b, s, _), variable in index.items():
        present.setdefault((t, b, s), []).append(variable)
    for (t, b, s), variables in present.items():
        arriving = inflow[t].get((b, s), []) if t else []
        merged: dict[int, float] = {}
        for variable, odds in arriving:
            merged[variable] = merged.get(variable, 0.0) - odds
        merged.update(dict.fromkeys(variables, 1.0))
        limit = float(chain.initial[b, s] if t == 0 else chain.arrivals[t - 1, b, s])
        lp.add_row(list(merged), np.array(list(merged.values())), "=", limit)
    answer = lp.solve()
    return replace(answer, objective=answer.objective + last), answer.duals[: len(problem.rows)]
