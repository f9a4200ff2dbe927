"""What was known of buying at the cut: the laws, whether months differ, how well both are told, and worlds drawn of it.

Laws with all months alike, and laws on a clock that runs with the market (:mod:`sim.customers.market_time`), are fitted
to the same purchases before the cut, and Akaike's criterion on these chooses: nothing after the cut is looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from sim.arrays import Floats, Ints
from sim.customers.calibration import fit_gamma_gamma, fit_pareto_nbd
from sim.customers.held_out import HeldOut, held_out
from sim.customers.market_time import Ahead, Busy, ahead, fit_in_market_time, in_market_time
from sim.customers.precision import draws_of_buying, draws_of_spend
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import of_all
from sim.engine.lifecycle import Lifecycle
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.scenario.file import PERIODS_PER_YEAR, WEEKS_PER_PERIOD, Scenario
from sim.scenario.market import MOST_SHOCK, Shock
from sim.twin import Twin

__all__ = ["Known", "Paced", "Version", "known_of", "worlds"]

ALIKE, DIFFER = "months alike", "months that differ"


class Version(NamedTuple):
    """Laws that were fitted: their gain in log-likelihood by how many more numbers, and how far off (closed form).

    ``chosen``: by what was known at the cut alone.
    """

    name: str
    gain: float
    numbers: int
    chosen: bool
    purchases_error: float
    money_error: float


class Paced(NamedTuple):
    """Laws of buying whose weeks run faster or slower than the calendar's."""

    laws: ParetoNBD
    pace: float

    def expected_purchases(self, t: npt.ArrayLike) -> Floats:
        """Return the expected repeat purchases of a just-acquired customer within ``t`` weeks."""
        return self.laws.expected_purchases(self.pace * np.asarray(t))

    def conditional_expected_purchases(
        self, t: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return the expected purchases in the next ``t`` weeks given a record, which is in the laws' own weeks."""
        return self.laws.conditional_expected_purchases(self.pace * np.asarray(t), frequency, recency, age)


@dataclass(frozen=True, eq=False)
class Known:
    """What was known of buying.

    Attributes
    ----------
    plain : ParetoNBD
        With all months alike.
    busy : Busy or None
        Months that differ; None where too few are known.
    ahead : Ahead or None
        What months to come are like if months differ.
    amounts : GammaGamma
    record : PurchaseSummary
        In calendar time.
    """

    plain: ParetoNBD
    busy: Busy | None
    ahead: Ahead | None
    amounts: GammaGamma
    record: PurchaseSummary

    @property
    def differ(self) -> bool:
        """Return whether the version with months that differ is used."""
        return self.busy is not None and self.busy.preferred

    @property
    def laws(self) -> ParetoNBD:
        """Return the laws of the version that is used."""
        return self.busy.laws if self.busy is not None and self.differ else self.plain

    @property
    def conditions(self) -> tuple[float, ...]:
        """Return how busy each known period was, in the version that is used; nothing: all alike."""
        if self.busy is None or not self.differ:
            return ()
        return tuple(map(float, np.repeat(self.busy.conditions, self.busy.periods)))

    @property
    def timed(self) -> PurchaseSummary:
        """Return the records in the time of the laws that are used."""
        return self._timed() if self.differ else self.record

    def _timed(self) -> PurchaseSummary:
        assert self.busy is not None
        return in_market_time(self.record, self.busy.conditions, self.busy.weeks)

    def held_out(self, base: CustomerBase, until: date, index: Ints, names: Sequence[str]) -> list[HeldOut]:
        """Return what each version says of the months after the cut in closed form, months alike first."""
        sides = [(Paced(self.plain, 1.0), self.record)]
        if self.busy is not None and self.ahead is not None:
            sides.append((Paced(self.busy.laws, float(self.ahead.mean.mean())), self._timed()))
        return [held_out(laws, self.amounts, base, record, until, index, names) for laws, record in sides]

    def versions(self, found: Sequence[HeldOut]) -> tuple[Version, ...]:
        """Return the laws that were fitted, with what :meth:`held_out` found of them."""
        errors = [(each.purchases.error, each.money.error) for each in found]
        out = [Version(ALIKE, 0.0, 0, not self.differ, *errors[0])]
        if self.busy is not None:
            out.append(Version(DIFFER, self.busy.gain, len(self.busy.conditions) - 1, self.differ, *errors[1]))
        return tuple(out)


def known_of(scenario: Scenario, base: CustomerBase, record: PurchaseSummary, periods: int) -> Known:
    """Return what a record of all customers tells of buying, for so many periods to come.

    Raises
    ------
    PurchasesError
        If it does not identify the laws.
    """
    plain, amounts = fit_pareto_nbd(record), fit_gamma_gamma(record)
    busy = fit_in_market_time(base, record, plain, WEEKS_PER_PERIOD[scenario.period])
    coming = None
    if busy is not None:
        year = PERIODS_PER_YEAR[scenario.period] / busy.periods
        months = -(-periods // busy.periods)
        rest = busy.conditions / _stated(scenario, record, len(busy.conditions), busy.periods)
        coming = ahead(rest, months, int(year) if year == int(year) > 1 else 0)
    return Known(plain, busy, coming, amounts, record)


def _stated(scenario: Scenario, record: PurchaseSummary, months: int, periods: int) -> Floats:
    """Return what the scenario's own seasons say of known months: what is left is carried on, they are played."""
    if not scenario.seasons:
        return np.ones(months)
    assert scenario.base is not None
    later = round((scenario.base.as_of - record.end).days / 7 / WEEKS_PER_PERIOD[scenario.period])
    round_ = np.array(scenario.seasons) / np.mean(scenario.seasons)
    place = (np.arange(-months * periods, 0) - later) % round_.size
    return np.asarray(np.maximum(round_[place].reshape(months, periods).mean(axis=1), 1e-3))


def worlds(known: Known, twin: Twin, number: int, seed: int) -> Iterator[Twin]:
    """Yield twins as they may be: laws as the purchases allow, and months to come as known ones were.

    Drawn from the normal law of the logarithms of the laws' parameters (given the months) and from :class:`Ahead`.
    """
    random = np.random.default_rng(seed)
    buying = draws_of_buying(known.laws, known.timed, number, random)
    spend = draws_of_spend(known.amounts, known.record, number, random)
    assert twin.base is not None
    chain = cast("Lifecycle", twin.chain)  # of purchases
    for laws, amounts in zip(buying, spend, strict=True):
        scenario = twin.scenario
        if known.differ and known.ahead is not None and known.busy is not None:
            path = np.repeat(known.ahead.draw(random), known.busy.periods)[: scenario.periods]
            months = tuple(
                Shock(name=f"period {t}", start=t, end=t + 1, route="purchase rate", size=min(float(m) - 1, MOST_SHOCK))
                for t, m in enumerate(path)
            )
            scenario = scenario.model_copy(update={"shocks": (*scenario.shocks, *months)})
        base = replace(twin.base, posterior=twin.base.posterior.under(of_all(laws, amounts, len(known.record))))
        yield replace(twin, scenario=scenario, base=base, chain=replace(chain, scenario=scenario))
