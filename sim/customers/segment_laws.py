"""Laws of buying by segment: its own where it has customers enough to tell them, those of all where it has not.

A segment's law is fitted to its customers alone, at least 50 of whom bought again. It is kept where it says more of
them than the law of all by Akaike's criterion: more log-likelihood than it has parameters. Segments made of what was
bought, such as those by recency, frequency and money, have the laws of all: whom purchases chose they do not tell a law
of.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sim.arrays import Floats, Ints
from sim.customers.calibration import FEWEST_CUSTOMERS, fit_gamma_gamma, fit_pareto_nbd, is_one_price
from sim.customers.precision import Precision, joint_ranges, precision_of_buying, precision_of_spend
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.records import AmountRecords, BuyingRecords
from sim.errors import PurchasesError
from sim.purchases.base import PurchaseSummary
from sim.scenario.customers import MATRICES, Base, BaseSegments

__all__ = ["Laws", "SegmentLaw", "by_purchases", "fit_by_segment", "laws_of", "of_all", "ranges_of_laws"]

BOUGHT = re.compile(r"\b(purchases|money|first_date|last_date|lines|amount)\b", re.IGNORECASE)
"""What SQL speaks of where it divides customers by what they bought."""
Law = TypeVar("Law", ParetoNBD, GammaGamma)


@dataclass(frozen=True, eq=False)
class Laws:
    """The laws of customers, each with those of its segment: what :class:`ParetoNBD` and :class:`GammaGamma` answer.

    Questions are about all customers at once, in the order of ``segment``.

    Attributes
    ----------
    segment : (customers,)
        Index of each customer's laws.
    buying : tuple of ParetoNBD
    amounts : tuple of GammaGamma
    """

    segment: Ints
    buying: tuple[ParetoNBD, ...]
    amounts: tuple[GammaGamma, ...]

    def probability_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the chance that each customer has not left."""
        return self._each(self.buying, lambda law, *record: law.probability_alive(*record), frequency, recency, age)

    def mean_purchase_rate(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the posterior mean of each customer's purchases a week."""
        return self._each(self.buying, lambda law, *record: law.mean_purchase_rate(*record), frequency, recency, age)

    def conditional_expected_purchases(
        self, t: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return each customer's expected purchases in the next ``t`` weeks."""
        return self._each(
            self.buying, lambda law, *record: law.conditional_expected_purchases(t, *record), frequency, recency, age
        )

    def expected_purchases(self, t: npt.ArrayLike) -> Floats:
        """Return each customer's expected repeat purchases in the ``t`` weeks after its first."""
        return self._each(self.buying, lambda law, weeks: law.expected_purchases(weeks), t)

    def conditional_mean_spend(self, frequency: npt.ArrayLike, mean_spend: npt.ArrayLike) -> Floats:
        """Return the posterior mean of each customer's amounts."""
        return self._each(self.amounts, lambda law, *record: law.conditional_mean_spend(*record), frequency, mean_spend)

    def parameter(self, name: str) -> Floats:
        """Return a parameter of each customer's laws, (customers,)."""
        laws: Sequence[ParetoNBD | GammaGamma] = self.amounts if name in ("p", "q", "gamma") else self.buying
        return np.array([getattr(law, name) for law in laws], dtype=np.float64)[self.segment]

    def _each(self, laws: Sequence[Any], ask: Callable[..., Floats], *record: npt.ArrayLike) -> Floats:
        if len(laws) == 1:
            return ask(laws[0], *record)
        parts = [np.broadcast_to(np.asarray(each, dtype=np.float64), self.segment.shape) for each in record]
        out = np.empty(self.segment.shape)
        for i, law in enumerate(laws):
            here = self.segment == i
            out[here] = ask(law, *(each[here] for each in parts))
        return out


class SegmentLaw(NamedTuple):
    """What the laws of a segment are, and why.

    ``buying``, ``amounts``: its own, None where those of all stand for it, with ``why``; ``gain``: log-likelihood of
    its customers above that under the law of all, as far as it was fitted.
    """

    name: str
    customers: int
    buying: ParetoNBD | None
    amounts: GammaGamma | None
    gain: float
    why: str
    precision: Mapping[str, Precision]

    @property
    def own(self) -> bool:
        """Return whether it has any law of its own."""
        return self.buying is not None or self.amounts is not None


def by_purchases(how: BaseSegments | None) -> bool:
    """Return whether segments are made of what customers bought."""
    return (
        how is None or how.by in ("recency-frequency-money", "value", *MATRICES) or bool(BOUGHT.search(how.sql or ""))
    )


def of_all(buying: ParetoNBD, amounts: GammaGamma, customers: int) -> Laws:
    """Return one law for everybody."""
    return Laws(np.zeros(customers, dtype=np.int64), (buying,), (amounts,))


def laws_of(base: Base, segment: Ints | None, customers: int) -> Laws:
    """Return the laws that a scenario's base states; without ``segment`` those of all."""
    everyone = ParetoNBD(**base.pareto_nbd.model_dump()), GammaGamma(**base.gamma_gamma.model_dump())
    if segment is None or not base.by_segment:
        return of_all(*everyone, customers)
    own = [base.laws_of(name) for name in base.segment_names]
    buying, amounts = zip(*own, strict=True)
    return Laws(
        segment, tuple(ParetoNBD(**each.model_dump()) for each in buying),
        tuple(GammaGamma(**each.model_dump()) for each in amounts),
    )  # fmt: skip


def fit_by_segment(
    record: PurchaseSummary, segment: Ints, names: Sequence[str], buying: ParetoNBD, amounts: GammaGamma
) -> tuple[Laws, tuple[SegmentLaw, ...]]:
    """Return the laws of customers by segment, and what was found of each segment that has customers.

    Parameters
    ----------
    segment : (customers,)
        Index of each customer's segment among ``names``.
    buying, amounts
        The laws of all.
    """
    found = [_of_segment(name, _only(record, segment == i), buying, amounts) for i, name in enumerate(names)]
    laws = Laws(
        segment, tuple(each.buying or buying for each in found), tuple(each.amounts or amounts for each in found)
    )
    return laws, tuple(each for each in found if each.customers)


def ranges_of_laws(
    record: PurchaseSummary, segment: Ints, names: Sequence[str], of_all: tuple[ParetoNBD, GammaGamma],
    found: Sequence[SegmentLaw],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return how well all laws are told, those of all first, as ``uncertain:`` of a scenario has it."""
    buying, amounts = of_all
    out = [*joint_ranges("base.pareto_nbd", buying, record), *joint_ranges("base.gamma_gamma", amounts, record)]
    for each in found:
        place, own = f"base.by_segment.{each.name}", _only(record, segment == list(names).index(each.name))
        out += [] if each.buying is None else joint_ranges(f"{place}.pareto_nbd", each.buying, own)
        out += [] if each.amounts is None else joint_ranges(f"{place}.gamma_gamma", each.amounts, own)
    return out


def _only(record: PurchaseSummary, who: npt.NDArray[np.bool_]) -> PurchaseSummary:
    arrays = {each.name: getattr(record, each.name) for each in fields(record)}
    kept: dict[str, Any] = {name: each[who] for name, each in arrays.items() if isinstance(each, np.ndarray)}
    return replace(record, **kept)


def _of_segment(name: str, record: PurchaseSummary, buying: ParetoNBD, amounts: GammaGamma) -> SegmentLaw:
    """Return a segment's own laws as far as its customers tell them."""
    own, gain, why, told = _own_buying(record, buying)
    spend, also, of_spend, precision = _own_amounts(record, amounts)
    why = "; ".join(f"{what}: {each}" for what, each in (("buying", why), ("amounts", of_spend)) if each)
    return SegmentLaw(name, len(record), own, spend, gain + also, why, {**told, **precision})


def _own_buying(
    record: PurchaseSummary, of_all: ParetoNBD
) -> tuple[ParetoNBD | None, float, str, Mapping[str, Precision]]:
    again = int((record.frequency > 0).sum())
    if min(len(record), again) < FEWEST_CUSTOMERS:
        return None, 0.0, f"{again:,} customers bought again, {FEWEST_CUSTOMERS} are needed", {}
    try:
        law = fit_pareto_nbd(record)
    except PurchasesError as error:
        return None, 0.0, str(error), {}
    records = BuyingRecords.of(record.frequency, record.recency, record.age)
    one, other = (float(records.counts @ each.log_likelihood_of(records)) for each in (law, of_all))
    return _kept(law, one - other, precision_of_buying(law, record))


def _own_amounts(
    record: PurchaseSummary, of_all: GammaGamma
) -> tuple[GammaGamma | None, float, str, Mapping[str, Precision]]:
    used = (record.frequency > 0) & (record.mean_spend > 0)
    if used.sum() < FEWEST_CUSTOMERS:
        return None, 0.0, f"{int(used.sum()):,} customers paid again, {FEWEST_CUSTOMERS} are needed", {}
    try:
        law = fit_gamma_gamma(record)
    except PurchasesError as error:
        return None, 0.0, str(error), {}
    if is_one_price(law) or is_one_price(of_all):
        return (None, 0.0, "one price, as of all", {}) if law == of_all else (law, 0.0, "", {})
    if law.q <= 1:
        return None, 0.0, f"its own law has no mean (q {law.q:.3f}, expected above 1)", {}
    records = AmountRecords.of(record.frequency[used], record.mean_spend[used])
    one, other = (float(records.counts @ each.log_likelihood_of(records)) for each in (law, of_all))
    return _kept(law, one - other, precision_of_spend(law, record))


def _kept(
    law: Law, gain: float, told: Mapping[str, Precision]
) -> tuple[Law | None, float, str, Mapping[str, Precision]]:
    """Return the law where its customers tell it and differ from all, else None and why not."""
    if gain <= len(told):
        return None, gain, f"not told apart from all (log-likelihood {gain:+.1f} for {len(told)} numbers)", {}
    return law, gain, "", told
