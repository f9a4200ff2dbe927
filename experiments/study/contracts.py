"""From a firm's contracts to a commented scenario: laws of renewal, and customers by how long they have stayed."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from experiments.study.first_scenario import HALF, MARGIN, MARGINS, OF_REVENUE, SOURCE, response_to
from experiments.study.scenario_file import rounded, scalar
from experiments.words.tables import table
from sim.arrays import Floats
from sim.customers.contract_counts import counted
from sim.customers.contracts import Contracts, Renewal, count_contracts, fit_renewal, fit_sbg_to
from sim.customers.discrete_models import ShiftedBetaGeometric
from sim.customers.precision import Precision, precision_of
from sim.errors import FolderError, InputError
from sim.files import check_output, write_text
from sim.purchases.beside import Membership, memberships
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import shown
from sim.scenario.file import PERIODS_PER_YEAR, parse

__all__ = ["ContractStudy", "contracts"]

TENURES = ((0, "in the first period"), (1, "renewed once or twice"), (3, "renewed 3 to 5 times"),
           (6, "renewed 6 to 11 times"), (12, "renewed 12 times or more"))  # fmt: skip
"""Segments by renewals come through, each from a number on."""
AHEAD = 12
ALIKE = 99.0
"""Shape from which the data do not tell customers' rates of leaving apart."""
HORIZON = {"week": 104, "month": 24, "quarter": 12, "year": 5}


@dataclass(frozen=True, repr=False)
class ContractStudy:
    """What ``tenure contracts`` found and wrote.

    Attributes
    ----------
    counts : Contracts
    sbg : ShiftedBetaGeometric
    renewal : Renewal
        The law of the scenario.
    precision : mapping of str to Precision
    log_likelihoods : mapping of str to float
    price : float
        Mean of the contracts that go on.
    until : date or None
        None: counts, which have no days.
    scenario_path : Path
    remarks : tuple of str
    """

    counts: Contracts
    sbg: ShiftedBetaGeometric
    renewal: Renewal
    precision: Mapping[str, Precision]
    log_likelihoods: Mapping[str, float]
    period: str
    price: float
    until: datetime.date | None
    scenario_path: Path
    remarks: tuple[str, ...]

    def survival(self) -> list[tuple[int, float, float, float]]:
        """Return renewals, the share that came through them as seen (nan: not yet), and by the laws."""
        kept = self.counts.kept()
        t = np.arange(1, AHEAD + 1)
        known = np.full(AHEAD, np.nan)
        known[: len(kept)] = kept[:AHEAD]
        return list(zip(t.tolist(), known.tolist(), self.sbg.survival(t).tolist(),
                        self.renewal.survival(t.astype(float)).tolist(), strict=True))  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "contracts": int(self.counts.ended.sum() + self.counts.open.sum()),
            "open": int(self.counts.open.sum()),
            "until": self.until.isoformat() if self.until else None,
            "period": self.period,
            "price": self.price,
            "sbg": vars(self.sbg),
            "renewal": asdict(self.renewal),
            "precision": {name: each._asdict() for name, each in self.precision.items()},
            "log_likelihood": dict(self.log_likelihoods),
            "survival": [
                {"renewals": t, "seen": seen, "sbg": sbg, "renewal": law} for t, seen, sbg, law in self.survival()
            ],
            "notes": list(self.remarks),
            "scenario": str(self.scenario_path),
        }

    def __repr__(self) -> str:
        return self.to_text()

    def to_text(self) -> str:
        """Return what people read."""
        rows = [[name, f"{p.value:.4g}", "not told" if p.error != p.error else f"{p.low:.3g} to {p.high:.3g}"]
                for name, p in self.precision.items()]  # fmt: skip
        lives = [
            [str(t), "" if seen != seen else f"{seen:.1%}", f"{sbg:.1%}", f"{law:.1%}"]
            for t, seen, sbg, law in self.survival()
        ]
        fits = ", ".join(f"{name} {value:,.1f}" for name, value in self.log_likelihoods.items())
        return "\n".join(
            [
                f"{self.counts.ended.sum() + self.counts.open.sum():,} contracts, of which {self.counts.open.sum():,} "
                f"go on{_after(self.until)}, at {self.price:,.2f} a {self.period}.",
                *(f"- {note}" for note in self.remarks),
                "",
                table([f"law (per {self.period})", "value", "95 % interval"], rows),
                "",
                table(["renewals", "came through", "sBG", "scenario's law"], lives),
                f"Log-likelihood: {fits} (the higher describes the contracts better; below 1 apart, neither does).",
                "",
                f"Wrote {self.scenario_path}. Next: edit the lines marked assumption, then tenure check "
                f"{self.scenario_path}",
            ]
        )


def contracts(
    file: str | Path,
    output: str | Path = "scenario.yaml",
    *,
    period: str = "month",
    until: datetime.date | None = None,
    price: float | None = None,
    currency: str = "money",
    spend: float | None = None,
    margin: float | None = None,
    force: bool = False,
    customer: str | None = None,
    columns: Mapping[str, str] | None = None,
    date_format: str | None = None,
) -> ContractStudy:
    """Turn a file of contracts (customer, start, end, price), or of counts of them, into a scenario with renewals.

    Parameters
    ----------
    file
        A row a contract; an empty end: it goes on. Or counts (:mod:`sim.customers.contract_counts`): by
        renewals come through how many ended, or how many of a cohort are still there.
    period
        Between renewals: week, month, quarter or year.
    until
        Last day that is known; None: the last in the file.
    price
        Paid each period; None: the mean of the file's column, of contracts that go on.
    spend
        Money a year today to keep customers; None: marketing's usual share of revenue, and said.
    margin
        Of payments; None: assumed, with a range.
    customer
        Column of whose contracts they are; None: found, by its name.
    columns
        Other columns of contracts by ``start``, ``end`` or ``price``; what is not named is found.
    date_format
        How days are written, such as ``%d.%m.%Y``; None: found.

    Raises
    ------
    PurchasesError
        If the file cannot be used, or does not tell the chance to renew.
    FolderError
        If the scenario is there already (without ``force``) or cannot be written.

    Examples
    --------
    >>> found = tenure.contracts("members.csv", "members.yaml", price=20)
    >>> tenure.open(found.scenario_path).scenario.law
    'renewal'
    """
    output = Path(output)
    check_output(output, others=[Path(file)])
    if output.exists() and not force:
        raise FolderError(
            f"{output} is there already; choose another name with `output=`, or `force=True` to write over"
        )
    if period not in HORIZON:
        raise InputError(f"`period={period}`: expected one of {', '.join(HORIZON)}")
    for name, value, most in (("price", price, 1e12), ("spend", spend, 1e15), ("margin", margin, 1.0)):
        if value is not None and not 0 < value <= most:
            raise InputError(f"`{name}={value:g}`: expected a number above 0, up to {most:g}")
    last: datetime.date | None
    said = {**({"customer_id": customer} if customer else {}), **(columns or {})}
    reading = Reading(columns=said, date_format=date_format)
    if reading == Reading() and (found := counted(file)):
        (counts, notes), last, cost = found, None, price
        if until is not None:
            raise InputError(f"`until={until}`: {shown(file)} holds counts, which have no days")
        if not cost:
            raise InputError(f"{shown(file)}: counts have no prices; say what is paid each period (`price=`)")
    else:
        given, last, notes = memberships(file, until, reading)
        counts = count_contracts(given, period, last)
        cost = price
    if not counts.open.sum():
        raise InputError(f"{shown(file)}: no contract goes on{_after(last)}, so there is nobody to plan for")
    cost = cost or _price(given, shown(file))
    sbg, renewal = fit_sbg_to(counts), fit_renewal(counts)
    age, ended, start, count = counts.rows()
    likelihoods = {
        "sBG": float(count @ sbg.log_likelihood(age, ended, start)),
        "the scenario's law": float(count @ renewal.log_likelihood(age, ended, start)),
    }
    revenue = float(counts.open.sum()) * cost * PERIODS_PER_YEAR[period]
    yearly = spend or OF_REVENUE * revenue
    if spend is None:
        notes += (
            f"today's money was not said: {OF_REVENUE:.1%} of a year's payments, {yearly:,.0f}, is assumed (firms' "
            "mean, The CMO Survey, February 2014); say it (`spend=`)",
        )
    if renewal.shape >= ALIKE:
        notes += (
            f"shape = {renewal.shape:.3g} is at the edge of what is searched and is not told by the data: all "
            "customers leave at about the same rate, however long they have stayed",
        )
    text = _text(file, counts, renewal, period, cost, currency, yearly, spend is not None, margin)
    parse(yaml.safe_load(text), str(output))
    write_text(output, text)
    told = precision_of(renewal, counts.rows(), stuck=renewal.shape >= ALIKE)
    precision = {
        **{f"sBG {name}": each for name, each in precision_of(sbg, counts.rows()).items()},
        **{f"Gamma {name}": each for name, each in told.items()},
    }
    return ContractStudy(counts, sbg, renewal, precision, likelihoods, period, cost, last, output, notes)


def _after(until: datetime.date | None) -> str:
    return f" after {until}" if until else ""


def _price(given: list[Membership], name: str) -> float:
    paid = [each.price for each in given if each.end is None and each.price is not None and each.price > 0]
    if not paid:
        raise InputError(f"{name}: no price of contracts that go on; say what is paid each period (`price=`)")
    return float(np.mean(paid))


def _classes(open_: Floats) -> list[tuple[str, int, float]]:
    """Return segments by renewals come through: name, contracts, and their mean number of renewals."""
    edges = [*(low for low, _ in TENURES), max(len(open_), TENURES[-1][0] + 1)]
    out = []
    for (low, name), high in zip(TENURES, edges[1:], strict=True):
        part = open_[low:high]
        if part.sum():
            out.append((name, int(part.sum()), float(part @ np.arange(low, low + len(part)) / part.sum())))
    return out


def _text(
    file: str | Path, counts: Contracts, law: Renewal, period: str, price: float, currency: str, yearly: float,
    said: bool, margin: float | None,
) -> str:  # fmt: skip
    classes = _classes(counts.open.astype(float))
    heads = sum(number for _, number, _ in classes)
    each = yearly / PERIODS_PER_YEAR[period] / heads
    segments = "".join(
        f"  {scalar(name)}:\n    start: {{new: {number}}}\n    traits:\n      purchase_rate: 1\n"
        f"      defection_rate: {{shape: {rounded(law.shape)}, rate: {rounded(law.rate + age)}}}\n"
        f"      spend: {rounded(price)}\n"
        for name, number, age in classes
    )
    margin_from, money_from = (
        ("assumption" if margin is None else "as answered"),
        ("as answered" if said else "assumed"),
    )
    return f"""\
# A scenario of Tenure, from contracts: rates of leaving are fitted, and of who has stayed given that they have.
# Lines marked "assumption" are what the contracts cannot tell: put your own answers in their place.
name: {scalar(Path(shown(file)).name.split(".")[0])}
currency: {scalar(currency)}
period: {period}
periods: {HORIZON[period]}
discount_rate: 0.10     # per year; assumption
law: renewal            # every survivor of a {period} pays once; leaving is seen
margin: {MARGIN if margin is None else margin:g}             # of payments; {margin_from}

# Nobody is invented: the contracts do not tell how many people may still be won, so nobody is won here.
segments:
{segments}
# What money brings contracts do not tell: it is taken from published studies, with their range under `uncertain:`.
{SOURCE}
levers:
{_retention(classes, law, each, f"{yearly:,.0f} a year on {heads:,} heads; {money_from}")}
uncertain:
{_uncertain(classes, law, margin)}"""


def _retention(classes: list[tuple[str, int, float]], law: Renewal, each: float, source: str) -> str:
    """Return the lever that keeps customers, with a curve for each segment through what its contracts do."""
    curves = [_curve(law, age, each) for _, _, age in classes]
    own = "".join(
        f"      {scalar(name)}: {{moves: {{survival: {curve}}}}}\n"
        for (name, _, _), curve in zip(classes, curves, strict=True)
    )
    return f"""\
  retention:
    targets: [new, developing, core]
    reference: {rounded(each)}   # {source}
    moves:
      survival: {curves[0]}
    by_segment:
{own}"""


def _curve(law: Renewal, age: float, each: float) -> str:
    answers, _ = response_to("survival", 1.0, _stays(law, age))
    moves = ", ".join(f"{key}: {value}" for key, value in answers.items())
    return f"{{shape: hill, {moves}, half: {rounded(HALF * each, 4)}, steepness: 1}}"


def _stays(law: Renewal, age: float) -> float:
    """Return the share of those who came through ``age`` renewals that comes through the next."""
    return float((1 - 1 / (law.rate + age + 1)) ** law.shape)


def _uncertain(classes: list[tuple[str, int, float]], law: Renewal, margin: float | None) -> str:
    lines = [] if margin is not None else [f"  - {{path: margin, low: {MARGINS[0]}, high: {MARGINS[1]}}}\n"]
    for name, _, age in classes:
        low, high = response_to("survival", 1.0, _stays(law, age))[1]
        path = f"levers.retention.by_segment.{name}.moves.survival.unlimited_money"
        lines.append(f"  - {{path: {path}, low: {low}, high: {high}}}\n")
    return "".join(lines)
