"""From a user's purchases to a customer base and a commented scenario."""

import datetime
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from experiments.study.first_scenario import Answers, FirstLever, first_levers, first_scenario_text
from experiments.study.found_segments import Place, mixture_file, mixture_segments
from experiments.study.last_third import first_part, forecast_of_the_rest
from experiments.study.meanwhile import meanwhile
from experiments.study.scenario_file import Calibrated, calibrated
from experiments.study.segments import laws_by_segment, laws_yaml, own, segments_of, segments_yaml, separation, worth_of
from experiments.words.bases import account_text
from experiments.words.figures import counted, money
from experiments.words.fits import held_out_text, precision_text
from experiments.words.tables import table
from sim.arrays import Step, quiet
from sim.customers.calibration import (
    GammaGamma,
    Holdout,
    at_the_edge,
    fit_gamma_gamma,
    fit_pareto_nbd,
    is_one_price,
)
from sim.customers.held_out import HeldOut
from sim.customers.plausibility import amounts_by_frequency, below_zero, check_end, check_repeats, older_than_the_file
from sim.customers.portrait import Separation
from sim.customers.precision import Precision, precision_of_buying, precision_of_spend
from sim.customers.prospect_quality import QualityClass, quality_classes
from sim.customers.segment_laws import SegmentLaw, ranges_of_laws
from sim.errors import FolderError, InputError, PurchasesError
from sim.files import check_output, sweep, write_file
from sim.purchases.base import CustomerBase, PurchaseSummary, is_base, kept_open
from sim.purchases.beside import Newcomers, Spending, newcomers, people_not_bought, spending
from sim.purchases.read.options import Reading
from sim.purchases.read.sources import shown
from sim.scenario.customers import BaseSegments
from sim.scenario.file import parse

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True, repr=False)
class Calibration:
    """What ``tenure calibrate`` found and wrote."""

    base: CustomerBase
    found: Calibrated
    check: Holdout | None
    held_out: HeldOut | None
    precision: Mapping[str, Precision]
    scenario_path: Path
    answers: Answers
    levers: tuple[FirstLever, ...]
    newcomers: Newcomers | None
    separation: Separation
    remarks: tuple[str, ...] = ()
    """What the base cannot be asked, and what the laws fitted to it do not tell."""
    amount_frequency_correlation: float = float("nan")
    by_segment: tuple[SegmentLaw, ...] = ()
    """What the laws of each segment are; none where segments are made of what was bought."""
    alike: HeldOut | None = None
    """The held-out weeks forecast by one law for all, where segments have their own."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        check = self.check
        return {
            **self.base.to_dict(),
            "notes": [*self.base.notes, *self.remarks],
            "customers": self.found.customers,
            "as_of": self.found.as_of.isoformat(),
            "pareto_nbd": vars(self.found.pareto_nbd),
            "gamma_gamma": vars(self.found.gamma_gamma),
            "amount_frequency_correlation": self.amount_frequency_correlation,
            "precision": {
                name: {"error": each.error, "low": each.low, "high": each.high} for name, each in self.precision.items()
            },
            "holdout": None
            if check is None or self.held_out is None
            else {
                "weeks": check.weeks,
                "purchases": self.held_out.purchases._asdict(),
                "money": self.held_out.money._asdict(),
                "segments": [
                    {"name": name, "customers": heads, "purchases": bought._asdict(), "money": paid._asdict()}
                    for name, heads, bought, paid in self.held_out.segments
                ],
                "one_law": None
                if self.alike is None
                else {"purchases": self.alike.purchases._asdict(), "money": self.alike.money._asdict()},
                "cumulative_error": check.cumulative_error,
                "weekly_mape": check.weekly_mape,
                "correlation": check.correlation,
            },
            "margin": self.answers.margin,
            "prospects": self.answers.prospects,
            "quality": [asdict(each) for each in self.answers.quality],
            "levers": [
                {key: value for key, value in asdict(lever).items() if key not in ("response", "ceilings")}
                for lever in self.levers
            ],
            "segments": [
                {"name": name, "customers": heads, "p_alive": alive, "next_year": worth}
                for name, heads, alive, worth in self.separation.rows
            ],
            "between_segments": self.separation.between,
            "laws_by_segment": [
                {
                    "name": each.name,
                    "customers": each.customers,
                    "gain": each.gain,
                    "pooled": each.why or None,
                    "pareto_nbd": each.buying and vars(each.buying),
                    "gamma_gamma": each.amounts and vars(each.amounts),
                    "precision": {
                        name: {"error": told.error, "low": told.low, "high": told.high}
                        for name, told in each.precision.items()
                    },
                }
                for each in self.by_segment
            ],
            "newcomers": None if self.newcomers is None else asdict(self.newcomers),
            "scenario": str(self.scenario_path),
        }

    def __repr__(self) -> str:
        return self.to_text()

    def to_text(self) -> str:
        """Return what people read."""
        lines = [
            account_text(self.base, self.remarks),
            "",
            f"Laws are fitted to {counted(self.found.customers, 'customer')} who had bought by {self.found.as_of}.",
            "",
            precision_text(self.precision, self.by_segment),
            "",
            held_out_text(self.held_out, self.check, self.alike),
        ]
        lines += [
            "",
            table(
                ["segment", "customers", "P(alive)", "buys next year, each"],
                [[name, f"{heads:,}", f"{a:.2f}", money(w, decimals=2)] for name, heads, a, w in self.separation.rows],
            ),
            f"Segments hold {self.separation.between:.0%} of what customers differ in (variance of what they are "
            "expected to buy next year).",
            "",
            table(
                ["today's money", "for", "a year", "heads", "each a month", ""],
                [
                    [
                        each.name,
                        each.purpose,
                        money(each.yearly),
                        f"{each.heads:,.0f}",
                        f"{each.reference:.4g}",
                        "as said" if each.said else "assumed",
                    ]
                    for each in self.levers
                ],
            ),
            "",
            f"Wrote {self.scenario_path}; its customers are in {self.base.path}.",
            f"Next: edit the lines marked assumption, then tenure check {self.scenario_path}",
        ]
        return "\n".join(lines)


def calibrate(
    purchases: str | Path | Sequence[str | Path],
    output: str | Path = "scenario.yaml",
    *,
    customer: str | None = None,
    date: str | None = None,
    amount: str | None = None,
    as_of: datetime.date | None = None,
    start: datetime.date | None = None,
    currency: str | None = None,
    spend: str | Path | Mapping[str, float] | None = None,
    prospects: int | str | Path | None = None,
    margin: float | None = None,
    segments: str | None = None,
    doubt_laws: bool = False,
    force: bool = False,
    progress: Step | None = None,
    **reading: Any,
) -> Calibration:
    """Turn files of purchases, or a customer base, into a scenario to edit, with the base beside it.

    First purchases in the files count as the customers' first, unless ``start`` leaves out those acquired before.

    Parameters
    ----------
    purchases
        Files or URLs of databases (text, Excel, Parquet, JSON, DuckDB, SQLite, ...), or a base made by
        ``tenure base load``.
    output
        The scenario file to write; a base made of files gets its name with the ending ``.duckdb``.
    customer, date, amount
        Names of columns; None: found.
    as_of
        Last day to use; None: the last in the files.
    start
        Laws are fitted to customers whose first purchase was on this day or later; None: to all.
    currency
        What amounts are in; None: what the files say, else "money". Where files have several, the one taken.
    spend
        Money a year today: by lever, or a file with a row for each (lever, spend, and purpose where a lever's name is
        none of development, retention, winback, acquisition; with days: by period). None: what the base's own table
        says, else marketing's usual share of revenue is assumed, and said.
    prospects
        How many people never bought and may be won, or a file of them: those who are not customers count. None: those
        of the base's own table, else nobody is won, and that is said.
    margin
        Of revenue; None: assumed, with a range.
    segments
        By what the firm divides its customers: a column of the base's table ``customers``, ``sql:`` and an expression
        or a SELECT of id and segment, a file of id and segment, ``rfm`` (recency, frequency, money), ``value``,
        ``loyalty`` (value x P(alive)), ``response`` (value x what follows contacts), ``function`` (what is bought x
        whom customers bring), a ``tree`` on what is known of customers, a ``mixture`` on how they buy
        (written beside the scenario); None: purchase cycle x amount.
    doubt_laws
        Whether how well the laws are told stands under ``uncertain`` too, so that odds, cautious plans and tests count
        it; each world they look at then makes the base's customers anew.
    force
        Whether to write over existing files.
    progress
        Is told how far the work is.
    **reading
        How files are to be read where what is found is not what is meant: the fields of
        :class:`sim.purchases.read.options.Reading`, such as ``date_format="%d.%m.%Y"``.

    Raises
    ------
    PurchasesError
        If the files cannot be used, or do not identify the laws.
    FolderError
        If a file is there already (without ``force``) or cannot be written.

    Examples
    --------
    >>> found = tenure.calibrate("orders.csv", "shop.yaml", currency="EUR")
    >>> found.found.customers
    400
    >>> tenure.open(found.scenario_path).scenario.currency
    'EUR'
    >>> said = tenure.calibrate("shop.duckdb", "more.yaml", spend={"retention": 6_000}, prospects=500, margin=0.4)
    >>> round(said.levers[0].reference * said.levers[0].heads * 12)
    6000
    """
    files = [purchases] if isinstance(purchases, str | Path) else list(purchases)
    output = Path(output)
    roles = {"customer_id": customer, "date": date, "amount": amount}
    said = {**reading.pop("columns", {}), **{role: name for role, name in roles.items() if name}}
    asked = Reading(columns=said, currency=currency, **reading)
    made = len(files) != 1 or not is_base(files[0])
    base_path = output.with_suffix(".duckdb") if made else Path(files[0])
    written = segments == "mixture" or (segments is not None and os.path.isfile(segments))
    beside = (mixture_file(output),) if written else ()
    _check_places(files, output, base_path, *beside, made=made, force=force)
    if not made and replace(asked, currency=None, hash_ids=None) != Reading():
        raise InputError(f"{base_path}: is a customer base already; how files are read is said to `tenure base load`")
    if margin is not None and not 0 < margin <= 1:
        raise InputError(f"`margin={margin}`: expected a share of revenue above 0 and at most 1, e.g. 0.3")
    step, name = progress or quiet, _name(files)
    sweep(base_path.resolve())
    part = base_path.resolve().with_name(f".{base_path.name}.{os.getpid()}.new") if made else base_path
    questions = ExitStack()
    try:
        base = CustomerBase.create(part, files, reading=asked, progress=step) if made else CustomerBase.open(part)
        questions.enter_context(kept_open(part))
        end = as_of or base.last_date
        remarks = check_end(base, end)
        everyone = base.summarise(end, start=start)
        check_repeats(base, everyone)
        if start is None:
            remarks += older_than_the_file(base, end)[0]
        else:
            remarks += (f"laws are fitted to customers won from {start} on; the scenario starts with all of the base",)
        said_spend, of_spend = _spend(base.path if spend is None and "spend" in base.tables else spend)
        if prospects is None and "prospects" in base.tables:
            prospects = base.path
        step("fit the laws of buying")
        with meanwhile(first_part, base, end, start) as first:
            laws = fit_pareto_nbd(everyone)
            amounts = fit_gamma_gamma(everyone)
        correlation, said_of_it = amounts_by_frequency(everyone)
        remarks += (*at_the_edge(laws, float(everyone.age.mean())), *_of_amounts(amounts, name), *said_of_it,
                    *below_zero(everyone))  # fmt: skip
        found = calibrated(laws, amounts, everyone)
        people, of_people = _people(prospects, base, asked.hash_ids)
        quality, of_quality = _quality(prospects, base, everyone, asked.hash_ids)
        answers, new = Answers(said_spend, people, margin, quality), newcomers(base, end)
        levers, of_money = first_levers(found, answers, everyone, new)
        how: BaseSegments | None
        place: Place | None = None
        if segments == "mixture":
            worth = worth_of(everyone, laws, amounts)
            how, of_segments, place = mixture_segments(base, everyone, laws, amounts, worth, output)
        else:
            how, of_segments = own(segments, base, everyone, laws, amounts, output.parent, output)
        index, names = segments_of(how, base, everyone, laws, amounts, output.parent)
        step("fit the laws of segments")
        mine, by_segment, of_laws = laws_by_segment(segments, how, everyone, index, names, laws, amounts)
        remarks += of_laws
        apart = separation(names, index, everyone, mine)
        step("hold out the last third")
        apart_too = any(each.own for each in by_segment)
        check, alone, alike = forecast_of_the_rest(base, end, first.result(), how, output.parent, apart_too, place)
        precision = {**precision_of_buying(laws, everyone), **precision_of_spend(amounts, everyone)}
        remarks += (*of_segments, *of_spend, *of_people, *of_quality, *of_money)
        doubted = ranges_of_laws(everyone, index, names, (laws, amounts), by_segment) if doubt_laws else []
        text = first_scenario_text(
            found, answers, levers, new, segments=segments_yaml(how) + laws_yaml(by_segment),
            doubted=doubted, name=Path(name).name.split(".")[0],
            base_file=os.path.relpath(base_path, output.parent), currency=currency or _currency(base) or "money",
        )  # fmt: skip
        parse(yaml.safe_load(text), str(output))
        questions.close()
        write_file(output, lambda scenario: _write(scenario, text, part, base_path))
    except InputError as error:
        message = str(error).replace(str(part), name)
        raise type(error)(message if name in message else f"{name}: {message}") from None
    finally:
        questions.close()
        if made:
            part.unlink(missing_ok=True)
    return Calibration(
        CustomerBase.open(base_path),
        found,
        check,
        alone,
        precision,
        output,
        answers,
        levers,
        new,
        apart,
        remarks,
        correlation,
        by_segment,
        alike,
    )


def _write(scenario: Path, text: str, part: Path, base_path: Path) -> None:
    """Write a scenario, and only then move a base that was made into its place: where one fails, neither is there."""
    scenario.write_text(text, encoding="utf-8")
    if part != base_path:
        os.replace(part, base_path.resolve())


def _spend(given: str | Path | Mapping[str, float] | None) -> tuple[tuple[Spending, ...], tuple[str, ...]]:
    """Return money a year by lever as it was said, and what should be said of it."""
    if given is None:
        return (), ()
    if not isinstance(given, Mapping):
        return spending(given)
    for lever, yearly in given.items():
        if not 0 <= yearly <= 1e15:
            raise InputError(f"`spend=`: {lever}: expected money of at least 0 a year, got {yearly}")
    return tuple(Spending(lever, float(yearly)) for lever, yearly in given.items()), ()


def _people(given: int | str | Path | None, base: CustomerBase, key: Path | None) -> tuple[int | None, tuple[str, ...]]:
    """Return how many people may be won, as a number or a file says, and what should be said of it."""
    if given is None:
        return None, ()
    if not isinstance(given, int) and not _is_number(given):
        return people_not_bought(given, base, key)
    number = given if isinstance(given, int) else int(str(given).replace(",", "").replace("_", ""))
    if not 0 <= number <= 1e9:
        raise InputError(f"`prospects={given}`: expected how many people may be won, or a file of them")
    return number or None, ()


def _quality(
    given: int | str | Path | None, base: CustomerBase, everyone: PurchaseSummary, key: Path | None
) -> tuple[tuple[QualityClass, ...], tuple[str, ...]]:
    """Return the classes of quality of a file's people, none of a number of them, and what should be said."""
    if given is None or isinstance(given, int) or _is_number(given):
        return (), ()
    return quality_classes(base, everyone, given, key)


def _is_number(given: str | Path) -> bool:
    return str(given).replace(",", "").replace("_", "").lstrip("-").isdigit()


def _check_places(
    files: list[str | Path], output: Path, base_path: Path, *beside: Path, made: bool, force: bool
) -> None:
    check_output(output)
    if base_path == output:
        raise FolderError(f"{output}: that ending is for the customer base; give a scenario file such as scenario.yaml")
    written = (output, *beside, base_path) if made else (output, *beside)
    if made:
        check_output(base_path)
    for file in files:
        if Path(file).resolve() in [path.resolve() for path in written]:
            raise FolderError(f"{file}: would be written over; choose another name with `output=`")
    for path in written:
        if path.exists() and not force:
            raise FolderError(
                f"{path} is there already; choose another name with `output=`, or `force=True` to write over it"
            )


def _name(files: list[str | Path]) -> str:
    """Return what messages call the files, without a password."""
    return ", ".join(shown(file) for file in files)


def _of_amounts(spend: GammaGamma, name: str) -> tuple[str, ...]:
    """Return what to say of the law of amounts.

    Raises
    ------
    PurchasesError
        If it has no mean.
    """
    if spend.q <= 1.0:
        raise PurchasesError(
            f"{name}: amounts differ so much between customers that no mean exists (gamma-gamma q = "
            f"{spend.q:.3f}, expected above 1); leave out the largest purchases or split the file"
        )
    if is_one_price(spend):
        return (f"every purchase brings {spend.mean_spend():.6g}: there is one price, and no law of amounts to fit",)
    return at_the_edge(spend)


def _currency(base: CustomerBase) -> str | None:
    """Return the currency that files name, if it is one."""
    found = base.query(
        "SELECT DISTINCT currency FROM lines WHERE currency IS NOT NULL AND outcome IN ('taken', 'merged')"
    )[1]
    return str(found[0][0]) if len(found) == 1 else None
