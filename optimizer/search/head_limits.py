"""Limits of what is spent on one customer, which are no rows of a problem: money through a lever, and contacts.

Around a plan each is a set of rows whose room grows with the limit, so that it has a price like any rule: together of
all customers and periods that it holds back.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix, diags, vstack

from optimizer.ask.kinds.campaigns import CONTACTS, a_head
from optimizer.ask.problem import AllocationProblem
from sim.arrays import Flags, Floats, Ints

if TYPE_CHECKING:
    from optimizer.search.nearby import Spot

__all__ = ["HeadLimits", "HeadRows"]


@dataclass(frozen=True, eq=False)
class HeadRows:
    """Rows around a plan that keep its head limits.

    Attributes
    ----------
    body : csr_matrix of (rows, variables that can move)
        Each variable in units of its pieces' reach.
    left : (rows,)
        Room.
    grows : csr_matrix of (rows, limits)
        By how much it grows as a limit does.
    """

    body: csr_matrix
    left: Floats
    grows: csr_matrix


@dataclass(frozen=True, eq=False)
class HeadLimits:
    """The head limits of a problem."""

    problem: AllocationProblem

    @cached_property
    def levers(self) -> list[int]:
        """Return the levers with a most of their own."""
        return [int(k) for k in np.flatnonzero(np.isfinite(self.problem.chain.limit).any(axis=(0, 1)))]

    @property
    def _stated(self) -> bool:
        """Whether contacts are limited by a rule: that actions of a chain of one's own share a customer is none."""
        return bool(self.problem.chain.contact_load.any()) and self.problem.twin.scenario.rules.contacts is not None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return what the limits are called: contacts first, if they are limited."""
        contacts = [CONTACTS.name] * self._stated
        return (*contacts, *(a_head(self.problem.targets.levers[k]) for k in self.levers))

    @cached_property
    def amounts(self) -> Floats:
        """Return the limits themselves."""
        rules, limit = self.problem.twin.scenario.rules, self.problem.chain.limit
        contacts = [rules.contacts or 0.0] * self._stated
        return np.array([*contacts, *(float(limit[..., k].max()) for k in self.levers)])

    def rows(self, spot: "Spot", contacts: tuple[csr_matrix, Floats] | None, lever: Ints, limit: Floats) -> HeadRows:
        """Return the rows around a spot.

        Parameters
        ----------
        spot
        contacts : (rows x variables, room), optional
            What keeps contacts, in shares of the limit.
        lever, limit : (variables,)
            Of each variable; infinite where there is none.
        """
        moves = spot.place.box.moves
        reach, amount = spot.reach[moves], spot.place.amount[moves]
        near: Flags = amount + reach >= limit[moves]
        rows, size = np.flatnonzero(near), reach[near]
        body = csr_matrix((np.ones(rows.size), (np.arange(rows.size), rows)), shape=(rows.size, moves.size))
        left = np.maximum(limit[moves][near] - amount[near], 0.0) / size
        number = len(self.names) - len(self.levers) + np.searchsorted(self.levers, lever[moves][near])
        grows = csr_matrix((1 / size, (np.arange(rows.size), number)), shape=(rows.size, len(self.names)))
        if contacts is None:
            return HeadRows(body, left, grows)
        matrix, room = csr_matrix(contacts[0][:, moves].multiply(reach)), contacts[1]
        unit = np.asarray(abs(matrix).max(axis=1).todense()).ravel() if moves.size else np.ones(room.size)
        unit = 1 / np.where(unit > 0, unit, 1.0)
        shares = csr_matrix((room.size, len(self.names)))
        if self._stated:
            first = np.arange(room.size), np.zeros(room.size, dtype=np.int64)
            shares = csr_matrix((unit / self.amounts[0], first), shape=shares.shape)
        body = vstack([diags(unit) @ matrix, body], format="csr")
        return HeadRows(body, np.append(unit * room, left), vstack([shares, grows], format="csr"))
