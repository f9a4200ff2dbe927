"""From a user's purchases to a customer base and a commented scenario."""

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from experiments.study.scenario_file import Calibrated, calibrated, scenario_text
from experiments.words.tables import table
from sim.customers.calibration import Holdout, fit_gamma_gamma, fit_pareto_nbd, holdout
from sim.errors import FolderError, InputError, PurchasesError
from sim.files import check_output, write_text
from sim.purchases.base import CustomerBase
from sim.scenario.file import parse

__all__ = ["Calibration", "calibrate"]

HELD_OUT = 1 / 3
"""Last part of the span, kept away from a second fit whose forecast is then checked on it."""


@dataclass(frozen=True, repr=False)
class Calibration:
    """What ``tenure calibrate`` found and wrote."""

    base: CustomerBase
    found: Calibrated
    check: Holdout | None
    scenario_path: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        check = self.check
        return {
            "columns": dict(self.base.columns),
            "purchases": self.base.rows,
            "customers": self.found.customers,
            "refunds_left_out": self.base.refunds,
            "as_of": self.found.as_of.isoformat(),
            "pareto_nbd": vars(self.found.pareto_nbd),
            "gamma_gamma": vars(self.found.gamma_gamma),
            "holdout": None
            if check is None
            else {
                "weeks": check.weeks,
                "cumulative_error": check.cumulative_error,
                "weekly_mape": check.weekly_mape,
                "correlation": check.correlation,
            },
            "scenario": str(self.scenario_path),
            "base": str(self.base.path),
        }

    def __repr__(self) -> str:
        return self.to_text()

    def to_text(self) -> str:
        """Return what people read."""
        columns = ", ".join(f"{role} = {name}" for role, name in self.base.columns.items())
        laws = {**vars(self.found.pareto_nbd), **vars(self.found.gamma_gamma)}
        lines = [
            f"Read {self.base.rows:,} purchases (columns: {columns}); used {self.found.customers:,} customers who had "
            f"bought by {self.found.as_of}.",
        ]
        if self.base.refunds:
            lines.append(f"Left out {self.base.refunds:,} rows with negative amounts (returns).")
        lines += ["", table(["fitted (per week)", "value"], [[k, f"{v:.5g}"] for k, v in laws.items()]), ""]
        if self.check is not None:
            lines.append(
                f"Forecast check, last {self.check.weeks} weeks held out: cumulative repeat purchases "
                f"{self.check.cumulative_error:+.1%}, weekly error {self.check.weekly_mape:.1%}, correlation by "
                f"customer {self.check.correlation:.2f}."
            )
        else:
            lines.append("Forecast check: left out, the history is too short or too thin to hold a third of it out.")
        lines += [
            f"Wrote {self.scenario_path} and {self.base.path}.",
            f"Next: edit the lines marked assumption, then tenure check {self.scenario_path}",
        ]
        return "\n".join(lines)


def calibrate(
    purchases: str | Path,
    output: str | Path = "scenario.yaml",
    *,
    customer: str | None = None,
    date: str | None = None,
    amount: str | None = None,
    as_of: datetime.date | None = None,
    currency: str = "money",
    force: bool = False,
) -> Calibration:
    """Turn a file of purchases into a customer base and a scenario to edit, beside each other.

    First purchases in the file count as the customers' first: leave out customers acquired before the file begins.

    Parameters
    ----------
    purchases
        CSV or Parquet, one row per purchase.
    output
        The scenario file to write; the base gets its name with the ending ``.duckdb``.
    customer, date, amount
        Names of columns; None: guessed.
    as_of
        Last day to use; None: the last in the file.
    force
        Whether to write over existing files.

    Raises
    ------
    PurchasesError
        If the file cannot be used, or does not identify the laws.
    FolderError
        If a file is there already (without ``force``) or cannot be written.

    Examples
    --------
    >>> found = tenure.calibrate("orders.csv", "shop.yaml", currency="EUR")
    >>> found.found.customers
    400
    >>> tenure.open(found.scenario_path).scenario.currency
    'EUR'
    """
    purchases, output = Path(purchases), Path(output)
    roles = {"customer_id": customer, "date": date, "amount": amount}
    columns = {role: name for role, name in roles.items() if name}
    check_output(output)
    base_path = output.with_suffix(".duckdb")
    check_output(base_path)
    if purchases.resolve() in (output.resolve(), base_path.resolve()):
        raise FolderError(f"{purchases}: would be written over; choose another name with `output=`")
    if base_path == output:
        raise FolderError(f"{output}: that ending is for the customer base; give a scenario file such as scenario.yaml")
    for path in (output, base_path):
        if path.exists() and not force:
            raise FolderError(
                f"{path} is there already; choose another name with `output=`, or `force=True` to write over it"
            )
    target = base_path.resolve()
    part = target.with_name(f".{base_path.name}.{os.getpid()}.new")
    try:
        base = CustomerBase.create(part, purchases, columns)
        end = as_of or base.last_date
        everyone = base.summarise(end)
        spend = fit_gamma_gamma(everyone)
        if spend.q <= 1.0:
            raise PurchasesError(
                f"{purchases}: amounts differ so much between customers that no mean exists (gamma-gamma q = "
                f"{spend.q:.3f}, expected above 1); leave out the largest purchases or split the file"
            )
        found = calibrated(fit_pareto_nbd(everyone), spend, everyone)
        check = _check(base, end)
        text = scenario_text(found, name=purchases.name.split(".")[0], base_file=base_path.name, currency=currency)
        parse(yaml.safe_load(text), str(output))
        os.replace(part, target)
        write_text(output, text)
    except InputError as error:
        message = str(error).replace(str(part), str(purchases))
        raise type(error)(message if str(purchases) in message else f"{purchases}: {message}") from None
    finally:
        part.unlink(missing_ok=True)
    return Calibration(CustomerBase.open(base_path), found, check, output)


def _check(base: CustomerBase, end: datetime.date) -> Holdout | None:
    """Fit on the first part, forecast the rest; None where the history is too short for it."""
    span = (end - base.first_date).days
    middle = end - datetime.timedelta(days=round(span * HELD_OUT))
    try:
        early = base.summarise(middle)
        return holdout(fit_pareto_nbd(early), base, early, end)
    except PurchasesError:
        return None
