"""Whether a forecast was right, in words: how far off, where, and why."""

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.words.tables import table

if TYPE_CHECKING:
    from experiments.backtest.forecast import Backtest

__all__ = ["answer", "backtest_text", "by_period"]

EVEN = 0.02
"""Errors below this share are not called too low or too high."""


def answer(found: "Backtest") -> str:
    """Return how far off the forecast was, beside the plain ones."""
    best = min(found.rivals, key=lambda rival: abs(rival.purchases_error))
    return (
        f"Forecast on {found.cut} for the time to {found.until}: purchases {_off(found.error('purchases'))}, money "
        f"{_off(found.error('money'))}, customers at the end {_off(found.error('customers'))} (forecast over what "
        f"came, less 1). The better of two plain forecasts, {best.name}: purchases {_off(best.purchases_error)}, money "
        f"{_off(best.money_error)}."
    )


def by_period(found: "Backtest") -> tuple[list[str], list[list[str]]]:
    """Return forecast, what came and the error by period."""
    header = [found.scenario.period, "purchases forecast", "came", "off by", "money forecast", "came", "off by"]
    header += ["customers forecast", "are", "off by"]
    rows = []
    for t in range(found.actual.shape[1]):
        row = [str(t + 1)]
        for k in (1, 2, 0):
            row += _three(float(found.predicted[k, t].sum()), float(found.actual[k, t].sum()))
        rows.append(row)
    return header, rows


def by_segment(found: "Backtest") -> tuple[list[str], list[list[str]]]:
    """Return the same by segment over all periods, customers at the end."""
    header, rows = by_period(found)
    rows = []
    for s, name in enumerate(found.segments):
        row = [name]
        for k in (1, 2, 0):
            kept = slice(-1, None) if k == 0 else slice(None)
            row += _three(float(found.predicted[k, kept, s].sum()), float(found.actual[k, kept, s].sum()))
        rows.append(row)
    return ["segment", *header[1:]], rows


def by_version(found: "Backtest") -> tuple[list[str], list[list[str]]]:
    """Return the laws that were fitted, which is used by what was known, and how far off each was."""
    rows = [
        [
            each.name, f"{each.gain:+,.1f}", f"{each.numbers}", "yes" if each.chosen else "no",
            _off(each.purchases_error), _off(each.money_error),
        ]
        for each in found.versions
    ]  # fmt: skip
    return ["laws", "log-likelihood", "more numbers", "used", "purchases off by", "money off by"], rows


def _held(found: "Backtest") -> str:
    held = f"Bands hold customers' luck and hidden truth, and how well the laws are told ({found.replications} markets)"
    if found.conditions:
        kind = " but for the time of the year" if found.seasonal else ""
        held += f", and that months to come differ{kind} as the {len(found.conditions)} whole ones known did"
    return f"{held}; not that the laws themselves may be wrong."


def _three(predicted: float, actual: float) -> list[str]:
    return [f"{predicted:,.0f}", f"{actual:,.0f}", _off(predicted / actual - 1 if actual > 0 else math.nan)]


def _off(error: float) -> str:
    """Return a forecast over what came, less 1."""
    return "none came" if math.isnan(error) else f"{error:+.1%}"


def backtest_text(found: "Backtest") -> str:
    """Return what people read."""
    customers, purchases, money = found.newly_won
    left = [f"- {customers:,} people first bought after {found.cut} ({purchases:,} purchases, {money:,.0f}): nobody "
            "could know them, and they are in neither number."] if customers else []  # fmt: skip
    lines = [
        answer(found),
        "",
        table(*by_period(found)),
        "",
        table(*by_segment(found)),
        "",
        f"Of {found.actual.size} figures (customers, purchases, money by {found.scenario.period} and segment) "
        f"{found.coverage(80):.0%} lie in their 80 % band and {found.coverage(95):.0%} in their 95 % band. "
        f"{_held(found)}",
        "",
        table(
            ["plain forecasts", "purchases off by", "money off by"],
            [[each.name, _off(each.purchases_error), _off(each.money_error)] for each in found.rivals],
        ),
        "",
        table(*by_version(found)),
        *(["Those used are off as played above, the others in closed form."] * (len(found.versions) > 1)),
        "",
        "Why:",
        *(f"- {reason}" for reason in reasons(found)),
        *left,
        *(f"- left out: {each}" for each in found.dropped),
    ]
    return "\n".join(lines)


def reasons(found: "Backtest") -> list[str]:
    """Return where the error is: customers, time, amounts, and whether it was there in what the law was fitted to."""
    law, out = found.by_class, []
    off = law.purchases.predicted - law.purchases.actual
    low = off < 0
    worst = min(law.segments, key=lambda row: (row[2].predicted - row[2].actual) * (1 if low else -1))
    part = worst[2].predicted - worst[2].actual
    which = "missing" if low else "too many"
    out.append(
        f"By customers (the laws alone, {law.weeks} whole weeks): {abs(off):,.0f} purchases {which}; the "
        f"{worst[1]:,} who {worst[0].replace('bought', 'had bought')} bought {worst[2].actual:,.0f} instead of "
        f"{worst[2].predicted:,.0f}, {abs(part):,.0f} {'more' if part < 0 else 'fewer'}."
        + (" The law gives those who were silent up too early." if low and worst == law.segments[0] else "")
    )
    out.append(_of_months(found))
    early = found.early
    if early.actual > 0:
        then, now = early.predicted / early.actual - 1, found.versions[0].purchases_error
        out.append(
            f"By what was known: of the last {early.weeks} weeks before {found.cut} the law of months alike says "
            f"{then:+.1%} of what was. {_of_known(then, now)}"
        )
    errors = found.predicted[1].sum(axis=1) / np.maximum(found.actual[1].sum(axis=1), 1e-300) - 1
    t = int(np.argmax(np.abs(errors)))
    half = len(errors) // 2
    if half:
        first, last = (
            float(found.predicted[1, part].sum() / max(found.actual[1, part].sum(), 1e-300) - 1)
            for part in (slice(None, half), slice(half, None))
        )
        out.append(
            f"By time: {first:+.1%} in the first half and {last:+.1%} in the second, most in {found.scenario.period} "
            f"{t + 1} ({errors[t]:+.1%}). "
            + ("Uneven months are season or trend; a season that you know can stand in the scenario's `seasons:`."
               if errors.max() - errors.min() > 0.1 else "Months hardly differ, so it is no season.")
        )  # fmt: skip
    bought, paid = 1 + found.error("purchases"), 1 + found.error("money")
    if bought > 0:
        out.append(f"By amounts: money for a purchase was forecast {paid / bought - 1:+.1%} of what was paid.")
    return out


def _of_months(found: "Backtest") -> str:
    """Return whether known months differed, and what that does to the forecast."""
    if len(found.versions) == 1:
        return "By months: too few are known to ask whether they differ."
    alike, differ = found.versions
    what = (
        f"that they differ {'raises' if differ.gain > 0 else 'lowers'} the log-likelihood by {abs(differ.gain):,.1f} "
        f"for {differ.numbers} more numbers"
    )
    if not differ.chosen:
        return f"By months: {what}, which is too little (Akaike), so all are taken as alike."
    return (
        f"By months: {what}, so it is used (Akaike, on what was known alone). Busy and quiet months "
        f"({min(found.conditions):.2f} to {max(found.conditions):.2f} of the mean) are then not taken for customers "
        f"who leave; with months alike purchases were off by {alike.purchases_error:+.1%}."
    )


def _of_known(then: float, now: float) -> str:
    """Return what it means that the law was off by ``then`` in known time and by ``now`` after it."""
    if abs(then) <= EVEN:
        return "So the law fitted what was known, and the error came with the months after."
    if (then > 0) == (now > 0):
        return "So a part of the error was there before: the law itself does not fit these customers."
    if now < 0:
        return (
            "So purchases had fallen faster than it says and then came back, which a law under which nobody's rate of "
            "buying ever changes cannot foresee."
        )
    return "So purchases had held better than the law says, and then fell faster: something changed."
