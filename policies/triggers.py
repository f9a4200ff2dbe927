"""Rules that wait for something: money is kept for it, and the rest goes on as today."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from policies.catalogue import policy
from policies.money import LOYALTY, MoneyByClaims, Today, levers_moving, share_between, todays_claims, worth_a_head
from sim.arrays import Flags, Floats
from sim.contract import ALARMS, Observation

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["Birthday", "ClubForTheBest", "EmployeesFirst", "ExitManagement", "ServiceRecovery", "Triggered", "WinBack"]

LEAVING, SATISFACTION = (ALARMS.index(name) for name in ("leaving", "satisfaction"))


class Triggered(MoneyByClaims, ABC):
    """Keeps a share of today's money for levers that a trigger sets off; what is not set off yet is kept for later.

    Where the firm has no lever for it, nothing is kept.

    Attributes
    ----------
    share : float
        Of the money.
    levers : list of int
        What is set off.
    """

    feedback = True

    def __init__(self, twin: "Twin", budget: float, share: float, levers: list[int]) -> None:
        super().__init__(twin, Today(twin, budget).money)
        share_between(self.name, share=share)
        self.levers, self.share = levers, share if levers else 0.0
        self.today = todays_claims(twin)

    @abstractmethod
    def pull(self, observation: Observation) -> Floats:
        """Return claims that are set off now, (groups, stages), on the trigger's levers; zeros for none."""

    def usual(self, observation: Observation) -> Floats:
        """Return claims on the rest of the money: as today."""
        return np.asarray(self.today * observation.customers[:, :, None])

    def _set_off(self, observation: Observation) -> Floats:
        out = np.zeros(observation.targets.shape)
        out[:, :, self.levers] = self.pull(observation)[:, :, None]
        reached = observation.targets.allowed & (observation.customers > 0)[:, :, None]
        return np.where(reached, out, 0.0)

    def part(self, observation: Observation) -> float:
        """Return 1 where something is set off, else less what is kept."""
        return 1.0 if self._set_off(observation).any() else 1 - self.share

    def claims(self, observation: Observation) -> Floats:
        """Return the share's claims and those of the rest."""
        kept, rest = self._set_off(observation), self.usual(observation)
        rest = rest / max(float(rest.sum()), 1e-300)
        return (1 - self.share) * rest + self.share * kept / kept.sum() if kept.any() else rest


def _stage(observation: Observation, *names: str) -> Flags:
    return np.array([name in names for name in observation.targets.stages])


@policy("win back at lapse")
class WinBack(Triggered):
    """Money kept for the groups whose customers have just lapsed, by how many did; else as today.

    ``share``: of the money.
    """

    name = "win back at lapse"

    def __init__(self, twin: "Twin", budget: float, share: float = 0.2) -> None:
        super().__init__(twin, budget, share, levers_moving(twin, "reactivation"))

    def pull(self, observation: Observation) -> Floats:
        """Return how many lapsed in the period before."""
        lapsed = _stage(observation, "lapsed")
        new = observation.moves[:, ~lapsed][:, :, lapsed].sum(axis=(1, 2))
        return np.asarray(new[:, None] * observation.customers * lapsed)


@policy("service recovery")
class ServiceRecovery(Triggered):
    """Money kept for groups where satisfaction fell or more customers leave, by the alarms; else as today.

    ``share``: of the money.
    """

    name = "service recovery"

    def __init__(self, twin: "Twin", budget: float, share: float = 0.2) -> None:
        super().__init__(twin, budget, share, levers_moving(twin, *LOYALTY))

    def pull(self, observation: Observation) -> Floats:
        """Return the customers of groups with an alarm."""
        alarmed = observation.alarms[:, LEAVING] | observation.alarms[:, SATISFACTION]
        return np.asarray(alarmed[:, None] * observation.customers)


@policy("club for the best")
class ClubForTheBest(Triggered):
    """A share of the money for the loyalty of core customers in the groups worth at least the mean; else as today.

    ``share``: of the money.
    """

    name = "club for the best"
    feedback = False

    def __init__(self, twin: "Twin", budget: float, share: float = 0.3) -> None:
        super().__init__(twin, budget, share, levers_moving(twin, *LOYALTY))
        worth = worth_a_head(twin)
        self.best: Flags = np.asarray(worth >= float(worth.mean()) * (1 - 1e-9))

    def pull(self, observation: Observation) -> Floats:
        """Return the core customers of the best groups."""
        return np.asarray(self.best[:, None] * observation.customers * _stage(observation, "core"))


@policy("employees first")
class EmployeesFirst(Triggered):
    """Money kept for the firm's own people while they are less satisfied than they should be; else as today.

    ``share``: of the money; ``until``: points 0..100.
    """

    name = "employees first"

    def __init__(self, twin: "Twin", budget: float, share: float = 0.3, until: float = 75.0) -> None:
        super().__init__(twin, budget, share, levers_moving(twin, "employee"))
        self.until = until

    def pull(self, observation: Observation) -> Floats:
        """Return everybody whom those people serve, while there is something to mend."""
        return observation.customers * (observation.employees < self.until)


@policy("exit management")
class ExitManagement(Triggered):
    """Money kept for customers who begin to decline; nothing more for groups that cost more than they bring.

    ``share``: of the money.
    """

    name = "exit management"

    def __init__(self, twin: "Twin", budget: float, share: float = 0.3) -> None:
        super().__init__(twin, budget, share, levers_moving(twin, "survival", "reactivation", "satisfaction"))
        worth = worth_a_head(twin)
        self.stay = (worth >= 0) | (worth.max() < 0)

    def pull(self, observation: Observation) -> Floats:
        """Return the declining of the groups worth keeping where some began to decline just now."""
        declining = _stage(observation, "declining")
        began = observation.moves[:, ~declining][:, :, declining].sum(axis=(1, 2)) > 0
        return np.asarray((self.stay & began)[:, None] * observation.customers * declining)

    def usual(self, observation: Observation) -> Floats:
        """Return today's claims, of the groups worth keeping."""
        return np.asarray(self.stay[:, None, None] * super().usual(observation))


@policy("contract birthday")
class Birthday(Triggered):
    """Money kept for loyalty when the customers' year comes round, counted from the start; else as today.

    ``share``: of the money; ``every``: periods, 0 for a year.
    """

    name = "contract birthday"
    feedback = False

    def __init__(self, twin: "Twin", budget: float, share: float = 0.2, every: int = 0) -> None:
        from sim.scenario.file import PERIODS_PER_YEAR

        super().__init__(twin, budget, share, levers_moving(twin, *LOYALTY))
        self.every = every or max(1, round(PERIODS_PER_YEAR[twin.scenario.period]))

    def pull(self, observation: Observation) -> Floats:
        """Return all customers in the period before the year is over."""
        return observation.customers * ((observation.period + 1) % self.every == 0)
