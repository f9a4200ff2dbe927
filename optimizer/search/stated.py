"""How plans of a search are stated: in money by period and cell, or as they are held, in intensities by campaign.

In money every rule of money is exactly linear. As held a campaign is one variable, whatever heads its periods have,
and contacts are exactly linear; what rules of money count then bends a little, as money moves the heads to come.
"""

from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from optimizer.ask.cells import Cells
from optimizer.ask.problem import AllocationProblem
from optimizer.search.row_slopes import NEAR, RowSlopes
from optimizer.tolerances import EMPTY
from sim.arrays import Floats, Ints
from sim.engine.chain import ControlledChain
from sim.engine.fluid_pass import Money
from sim.engine.sensitivity import Course, follow

__all__ = ["InIntensities", "InMoney", "head_factor", "limits_heads"]


class InMoney:
    """Plans as money, (periods, cells).

    Attributes
    ----------
    low, high : (periods, cells)
        What each cell must get and may get.
    slopes : RowSlopes
    """

    def __init__(self, problem: AllocationProblem, cells: Cells) -> None:
        self.problem, self.cells, self.chain = problem, cells, problem.chain
        shape = (self.chain.periods, cells.lever.size)
        self.low = np.zeros(shape) if problem.floor is None else cells.sum(problem.floor)
        self.high = np.full(shape, np.inf) if problem.ceiling is None else cells.sum(problem.ceiling)
        self.slopes = RowSlopes(problem, cells)

    def plan(self, amount: Floats) -> Floats | Money:
        """Return a plan that can be followed."""
        return self.cells.money(amount)

    def amount_of(self, course: Course) -> Floats:
        """Return what cells get in a course."""
        return self.cells.sum(course.moved)

    def by_cell(self, slope: Floats) -> Floats:
        """Return a slope by a followed plan's elements as one by (periods, cells)."""
        return slope

    def heads(self, course: Course) -> Floats:
        """Return how much an intensity of 1 is, (periods, cells): heads."""
        money = self.cells.money(np.zeros((1, self.cells.lever.size)))
        return np.stack([money.heads(now.observed) for now in course.past])

    def jacobian(self, course: Course) -> csr_matrix:
        """Return d(what each rule counts)/d(amount), (rows, periods x cells)."""
        return self.slopes.jacobian(course)

    @cached_property
    def committed_contacts(self) -> Floats:
        """Return the share of contacts that is committed before the start, (periods, groups, stages)."""
        targets = self.problem.targets
        nothing = np.zeros((self.chain.periods, *targets.shape))
        return np.asarray((targets.with_committed(nothing) * self.chain.contact_load).sum(axis=3))

    def within_heads(self, amount: Floats) -> Floats:
        """Return amounts scaled back, cell by cell, where they would be more than a customer may get."""
        if not limits_heads(self.chain):
            return amount
        return amount / head_factor(self.problem, self.cells, follow(self.chain, self.plan(amount)).intensity)

    def contacts(self, amount: Floats, heads: Floats) -> tuple[csr_matrix, Floats] | None:
        """Return the rows that keep contacts per head at most one unit of load, and what is left of each."""
        if not self.chain.contact_load.any():
            return None
        rows, columns, weights, left = self._contacts
        values = weights / np.maximum(heads.ravel()[columns], EMPTY)
        matrix = csr_matrix((values, (rows, columns)), shape=(left.size, amount.size))
        return matrix, np.maximum(left - matrix @ amount.ravel(), 0.0)

    @cached_property
    def _contacts(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Return rows, columns and loads of contacts, a row a (target, period), and what is left of each row."""
        load, cells, periods = self.chain.contact_load, self.cells, self.chain.periods
        limits = (cells.cell >= 0) & (load > 0)
        targets = np.argwhere(limits.any(axis=2))
        rows, columns, weights = [], [], []
        for number, (g, s) in enumerate(targets):
            cell, weight = cells.cell[g, s][limits[g, s]], np.broadcast_to(load, cells.cell.shape)[g, s][limits[g, s]]
            rows.append(np.repeat(number * periods + np.arange(periods), cell.size))
            columns.append((np.arange(periods)[:, None] * cells.lever.size + cell).ravel())
            weights.append(np.tile(weight, periods))
        committed = self.committed_contacts[:, targets[:, 0], targets[:, 1]].T.ravel()
        nothing = np.zeros(0)
        return (
            np.concatenate([nothing.astype(np.int64), *rows]), np.concatenate([nothing.astype(np.int64), *columns]),
            np.concatenate([nothing, *weights]), 1.0 - committed,
        )  # fmt: skip

    def ties(self, heads: Floats) -> csr_matrix | None:
        """Return money by the intensity of campaigns, (periods x cells, campaigns and single periods)."""
        duration = np.array(self.problem.targets.duration)[self.cells.lever]
        if duration.max(initial=1) == 1:
            return None
        rows, columns, values = [], [], []
        count = 0
        number = self.cells.lever.size
        for c, lever in enumerate(self.cells.lever.tolist()):
            for window in self.problem.targets.windows(lever, self.chain.periods):
                inside = range(window.start, window.stop)
                whole = max(float(heads[window, c].sum()), EMPTY)
                for t in inside:
                    rows.append(t * number + c)
                    columns.append(count)
                    values.append(float(heads[t, c]) / whole * len(inside))
                count += 1
        return csr_matrix((values, (rows, columns)), shape=(heads.size, count))


class InIntensities(InMoney):
    """Plans as they are held: intensities, (periods, cells), the same in all periods of a campaign.

    What cells must and may get in money is stated by the heads of ``course``.
    """

    def __init__(self, problem: AllocationProblem, cells: Cells, course: Course) -> None:
        super().__init__(problem, cells)
        heads = np.maximum(super().heads(course), EMPTY)
        self.low, self.high = self.low / heads, np.where(self.high > 0, self.high / heads, 0.0)
        low, high = self.low.copy(), self.high.copy()
        for cell, window in self._windows:
            self.low[window, cell] = low[window, cell].max()
            self.high[window, cell] = max(high[window, cell].min(), low[window, cell].max())

    @cached_property
    def _windows(self) -> list[tuple[int, slice]]:
        """Return each cell's campaigns."""
        targets, periods = self.problem.targets, self.chain.periods
        return [(c, w) for c, k in enumerate(self.cells.lever.tolist()) for w in targets.windows(k, periods)]

    @cached_property
    def _campaign(self) -> Ints:
        """Return which of them each (period, cell) belongs to; -1 where all is decided before the start."""
        out = np.full((self.chain.periods, self.cells.lever.size), -1)
        for number, (cell, window) in enumerate(self._windows):
            out[window, cell] = number
        return out

    def plan(self, amount: Floats) -> Floats | Money:
        """Return intensities by target, what is committed in its place."""
        cell = self.cells.cell
        return self.problem.targets.with_committed(np.where(cell >= 0, amount[:, cell], 0.0))

    def amount_of(self, course: Course) -> Floats:
        """Return each campaign's mean intensity, by expected heads."""
        money, heads = self.cells.sum(course.moved), super().heads(course)
        out = np.zeros_like(money)
        for cell, window in self._windows:
            number = float(heads[window, cell].sum())
            out[window, cell] = money[window, cell].sum() / number if number > EMPTY else 0.0
        return out

    def by_cell(self, slope: Floats) -> Floats:
        """Return sums by cell."""
        return self.cells.sum(slope)

    def heads(self, course: Course) -> Floats:
        """Return 1 where somebody is there in some period of the campaign."""
        heads, campaign = super().heads(course), self._campaign
        most, decided = np.zeros(len(self._windows) + 1), campaign >= 0
        np.maximum.at(most, campaign[decided], heads[decided])
        return (most > EMPTY)[campaign].astype(float)

    def jacobian(self, course: Course) -> csr_matrix:
        """Return what rules count directly, and for those near binding what money does to heads as well."""
        problem, inside = self.problem, self.cells.cell >= 0
        periods, cells = course.observed.shape[0], self.cells.lever.size
        heads = np.broadcast_to(course.observed[..., None], (periods, *inside.shape))
        places = np.flatnonzero(np.broadcast_to(inside, heads.shape))
        columns = (np.arange(periods)[:, None] * cells + self.cells.cell[inside]).ravel()
        spread = csr_matrix((heads.ravel()[places], (places, columns)), shape=(heads.size, periods * cells))
        jacobian = csr_matrix(problem.money @ spread).tolil()
        for r in self.slopes.bending:
            jacobian[r] = 0.0
        room = problem.signs * (problem.limits - problem.counted(course)) / problem.row_units
        alike: dict[tuple[int, ...], list[int]] = {}  # a floor and a cap count the same
        for r in np.flatnonzero(room < NEAR).tolist():
            row = problem.rows[r]
            alike.setdefault((id(row.money), id(row.people), id(row.earned), hash(row.after)), []).append(r)
        for first, slope in self.slopes.of(course, [rows[0] for rows in alike.values()]).items():
            for r in next(rows for rows in alike.values() if rows[0] == first):
                jacobian[r] = slope.reshape(1, -1)
        return csr_matrix(jacobian)

    def within_heads(self, amount: Floats) -> Floats:
        """Return intensities scaled back, a campaign as a whole."""
        out = super().within_heads(amount)
        for cell, window in self._windows:
            out[window, cell] = out[window, cell].min()
        return out

    def contacts(self, amount: Floats, heads: Floats) -> tuple[csr_matrix, Floats] | None:
        """Return the same rows; they hold whatever heads there are."""
        return super().contacts(amount, np.ones_like(heads))

    def ties(self, heads: Floats) -> csr_matrix | None:
        """Return intensities by campaign, (periods x cells, campaigns)."""
        if max(self.problem.targets.duration) == 1:
            return None
        places = [np.arange(w.start, w.stop) * heads.shape[1] + c for c, w in self._windows]
        columns = np.repeat(np.arange(len(places)), [len(each) for each in places])
        rows: Ints = np.concatenate(places)
        return csr_matrix((np.ones(rows.size), (rows, columns)), shape=(heads.size, len(places)))


def limits_heads(chain: ControlledChain) -> bool:
    """Return whether a rule limits what one customer gets: contacts, or money through a lever."""
    return bool(chain.contact_load.any() or np.isfinite(chain.limit).any())


def head_factor(problem: AllocationProblem, cells: Cells, intensity: Floats) -> Floats:
    """Return by what each cell's intensities must be divided, (periods, cells), so that nobody gets more than may be.

    That is too many contacts, or too much money through a lever. What was committed before the start stays, and takes
    its part of the contacts.
    """
    load, lead = problem.chain.contact_load, np.array(problem.targets.lead)
    decides = (np.arange(intensity.shape[0])[:, None] >= lead)[:, None, None, :]
    room = 1.0 - (intensity * ~decides * load).sum(axis=3)
    asked = (intensity * decides * load).sum(axis=3)
    over = np.divide(asked, room, out=np.where(asked > 0, np.inf, 1.0), where=room > 0)
    inside = cells.cell >= 0
    each = np.where(inside & (load > 0), np.maximum(over, 1.0)[..., None], 1.0)
    each = np.maximum(each, intensity * decides / problem.chain.limit)
    out = np.ones((intensity.shape[0], cells.lever.size))
    for t in range(out.shape[0]):
        np.maximum.at(out[t], cells.cell[inside], each[t][inside])
    return out
