"""From what a firm says of its segments to ``base.segments:`` of its first scenario, and how far they tell apart."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.study.found_segments import Placement, mixture_file, placement, tree_segments
from experiments.study.scenario_file import rounded, scalar
from sim.arrays import Floats, Ints
from sim.customers.calibration import at_the_edge
from sim.customers.groups import TIER_WEEKS
from sim.customers.own_segments import (
    FUNCTION,
    LOYALTY,
    MOST_SEGMENTS,
    RESPONSE,
    RFM,
    labels_of,
    other_side,
    own_segments,
    segment_names,
)
from sim.customers.portrait import Separation
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import Laws, SegmentLaw, by_purchases, fit_by_segment, of_all
from sim.customers.segmentation import SEGMENTS, segment_by_cycle_and_amount
from sim.errors import InputError
from sim.files import write_table
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.known import contacted, indirect_source, says_itself
from sim.purchases.read.sql import literal, quoted
from sim.scenario.customers import BaseSegments

__all__ = ["laws_by_segment", "laws_yaml", "own", "segments_of", "segments_yaml", "separation", "worth_of"]

OTHERS = "others"
VALUE_NAMES, VALUE_SHARES = ("most valuable", "valuable", "others"), (0.2, 0.5)
"""Segments by value: the best fifth, the next three tenths, the rest."""
SURE = 0.5
"""P(alive) from which a customer counts as loyal."""
MATRICES = {
    "loyalty": ("value-loyalty", LOYALTY, ""),
    "response": ("value-response", RESPONSE, "not contacted"),
    "function": ("direct-indirect", FUNCTION, "not asked"),
}
"""What is said of a matrix: what it is by, its four segments, and the one of those it is not known of."""
MOST_SHOWN = 5
"""Outcomes of contacts that are said one by one."""


def own(
    said: str | None, base: CustomerBase, record: PurchaseSummary, laws: ParetoNBD, amounts: GammaGamma, folder: Path,
    scenario: Path | None = None,
) -> tuple[BaseSegments | None, tuple[str, ...]]:  # fmt: skip
    """Return segments as said, and what should be said of them.

    They are a column, ``sql:...``, a file, ``rfm``, ``value``, ``loyalty``, ``response``, ``function`` or ``tree``; a
    mixture is written beside a scenario and found there (:func:`~experiments.study.found_segments.mixture_segments`).

    Raises
    ------
    InputError
        If what is said is none of these, or gives no two segments.
    """
    if said is None or said == "cycle-amount":
        return None, ()
    if said in ("rfm", "recency-frequency-money"):
        money = record.purchases * record.mean_amount_all
        cuts = [float(np.median(each)) for each in (record.silent_weeks, record.purchases, money)]
        return BaseSegments(by="recency-frequency-money", names=RFM, cutoffs=tuple(_shown(each) for each in cuts)), (
            "segments by recency, frequency and money, each halved at its median",
        )
    if said == "value":
        worth = worth_of(record, laws, amounts)
        cuts = [_shown(float(np.quantile(worth, 1 - share))) for share in VALUE_SHARES]
        return BaseSegments(by="value", names=VALUE_NAMES, cutoffs=tuple(cuts)), (
            "segments by expected purchases of the next year: the best fifth, the next three tenths, the rest",
        )
    if said in MATRICES:
        return _matrix(said, base, record, loyal_of(record, laws, amounts))
    if said == "tree":
        return tree_segments(base, record, worth_of(record, laws, amounts))
    if said == "mixture":
        raise InputError(
            "`segments=mixture`: is written beside a scenario by `tenure calibrate`; make it there, "
            "then give its file of id and segment here"
        )
    return _labelled(said, base, record, folder, scenario)


def _matrix(
    said: str, base: CustomerBase, record: PurchaseSummary, sides: tuple[Floats, Floats]
) -> tuple[BaseSegments, tuple[str, ...]]:
    """Return segments by two cut-offs; ``sides``: money a year while a customer, and P(alive)."""
    by, names, rest = MATRICES[said]
    of_survey = False
    cut, what, column = SURE, f"P(alive) from {SURE:g} on", None
    if said == "response":
        found = contacted(base, record)
        if not found.followed.any():
            raise InputError(
                f"`segments=response`: nothing followed any of the {int(found.sent.sum()):,} contacts of customers; is "
                f"the outcome what is meant? It holds {_outcomes(found.answers)}"
            )
        cut = _at_most(float(found.followed.sum() / found.sent.sum()))
        what = f"share of contacts that something followed from the mean on, {cut:.3g} ({_outcomes(found.answers)})"
    elif said == "function":
        column = indirect_source(base)
    how = BaseSegments(
        by=by, names=(*names, rest) if rest else names, other=rest or None, column=column, cutoffs=(0.0, cut)
    )
    other = other_side(how, base, record, sides[1])
    unknown = np.isnan(other)
    if unknown.all():
        raise InputError(f"`segments={said}`: {column or 'contacts'} is of none of the {len(record):,} customers")
    if said == "function":
        years = (record.age * 7 + 1) / 365.25
        of_survey = says_itself(str(column))
        mean = other[~unknown].mean() if of_survey else (other * years).sum() / years.sum()
        if mean <= 0:
            raise InputError(f"`segments=function`: by {column} no customer has brought another")
        cut = _at_most(float(mean))
        what = f"{column} {'' if of_survey else 'a year '}from the mean on, {cut:.3g}"
    counted = said == "function" and not of_survey  # 0 where nothing is said, now and at any time before
    kept = how.model_copy(update={
        "cutoffs": (_at_most(float(sides[0].mean())), cut),
        "names": names if counted else how.names,
        "other": None if counted else how.other,
    })  # fmt: skip
    notes = [f"segments by {by.replace('-', ' x ')}: money a year while a customer from the mean on, {what}"]
    if unknown.any():
        notes.append(f"{int(unknown.sum()):,} customers are '{rest}': the second side is not known of them")
    return kept, tuple(notes)


def _outcomes(answers: Sequence[tuple[str, int, bool]]) -> str:
    """Return which outcomes count as followed and which not, with their contacts."""
    parts = []
    for yes, head in ((True, "followed"), (False, "not")):
        of = [f"{outcome or 'empty'} {number:,}" for outcome, number, counts in answers if counts is yes]
        more = [f"{len(of) - MOST_SHOWN:,} others"] if len(of) > MOST_SHOWN else []
        parts += [f"{head}: {', '.join([*of[:MOST_SHOWN], *more])}"] if of else []
    return "; ".join(parts)


def _labelled(
    said: str, base: CustomerBase, record: PurchaseSummary, folder: Path, scenario: Path | None
) -> tuple[BaseSegments, tuple[str, ...]]:
    """Return segments by a column, SQL or file, the smallest put together, those without one placed by attributes.

    Who has none by SQL is meant to have none. A file with those who were placed stands beside the scenario.
    """
    columns = base.customer_columns
    kind, _, rest = said.partition(":")
    by_number = False
    if kind == "sql" and rest.strip():
        given = {"by": "sql", "sql": rest.strip()}
    elif said.removeprefix("column:") in columns:
        column = said.removeprefix("column:")
        parts = _in_quarters(base, column)
        by_number = bool(parts)
        given = {"by": "sql", "sql": parts} if parts else {"by": "column", "column": column}
    elif os.path.isfile(said):
        given = {"by": "file", "file": Path(os.path.relpath(said, folder)).as_posix()}
    else:
        there = f"a column of the base ({', '.join(columns)})" if columns else (
            "a column of the base (there is none: load it with a file of customers)"
        )  # fmt: skip
        raise InputError(
            f"`segments={said}`: expected {there}, sql:EXPRESSION, a file of id and segment, rfm, value, "
            "loyalty, response, function, tree, mixture or cycle-amount"
        )
    counts = segment_names(BaseSegments.model_validate({**given, "names": [OTHERS]}), base, record, folder)
    names = [name for name in counts if name]
    kept, dropped = names[:MOST_SEGMENTS], names[MOST_SEGMENTS:]
    by = f"{given['by']} {given.get('column') or given.get('sql') or given.get('file')}"
    by = f"quarters of {said}, a number with too many values for a segment each" if by_number else by
    notes = [f"segments by {by}: {len(kept)}"]
    without = counts.get(None, 0) + counts.get("", 0)
    if without and given["by"] != "sql" and len(kept) > 1:
        labels = labels_of(BaseSegments.model_validate({**given, "names": [OTHERS]}), base, record, folder)
        found = placement(base, record, labels, kept, given.get("column"))
        if isinstance(found, str):
            notes.append(f"{without:,} customers without a segment are not placed by their attributes: {found}")
        elif "file" in given and (scenario is None or _same(Path(said), mixture_file(scenario))):
            where = "there is no scenario beside which" if scenario is None else f"{said} is where"
            notes.append(
                f"{without:,} customers without a segment could be placed by their attributes; {where} that stands"
            )
        else:
            given = _placed(given, found, record, scenario)
            notes.append(found.note)
            without = 0
    other = None
    if dropped or without:
        other = OTHERS if OTHERS not in kept else f"{OTHERS} still"
        many = sum(counts[name] for name in dropped)
        notes += [f"{len(dropped)} more segments with {many:,} customers are put together as '{other}'"] if many else []
        notes += [f"{without:,} customers without a segment are in '{other}'"] if without else []
        kept.append(other)
    if len(kept) < 2:
        raise InputError(f"`segments={said}`: all {len(record):,} customers are in one segment, {kept[0]!r}")
    return BaseSegments.model_validate({**given, "names": kept, "other": other}), tuple(notes)


def _in_quarters(base: CustomerBase, column: str) -> str:
    """Return the SQL of a number's quarters, in order; empty where a column is no number or has few values.

    A segment a value would be of a few customers each, and the rest of them one segment.
    """
    name = quoted(column)
    ((kind, values, *cuts),) = base.query(
        f"SELECT typeof(any_value({name})), count(DISTINCT {name}), "
        + ", ".join(
            f"quantile_cont(TRY_CAST(CAST({name} AS VARCHAR) AS DOUBLE), {share})" for share in (0.25, 0.5, 0.75)
        )
        + " FROM customers"
    )[1]
    if (
        not str(kind).startswith(("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "DECIMAL", "HUGEINT"))
        or values <= MOST_SEGMENTS
    ):
        return ""
    edges = sorted({_shown(float(each)) for each in cuts})
    of = f"customers.{name}"
    cases = [f"WHEN {of} < {edge!r} THEN {literal(f'{column} below {edge:,.10g}')}" for edge in edges]
    cases.append(f"WHEN {of} >= {edges[-1]!r} THEN {literal(f'{column} from {edges[-1]:,.10g} on')}")
    return f"CASE {' '.join(cases)} END"


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _placed(given: dict[str, str], found: Placement, record: PurchaseSummary, scenario: Path | None) -> dict[str, str]:
    """Return how everybody's segment is found: by SQL in place of a column, by a new file in place of a file."""
    if "column" in given:
        own = f"nullif(CAST(customers.{quoted(given['column'])} AS VARCHAR), '')"
        return {"by": "sql", "sql": f"coalesce({own}, {found.sql})"}
    import pandas as pd

    assert scenario is not None
    file = mixture_file(scenario)
    write_table(file, pd.DataFrame({"customer_id": record.customer_id, "segment": found.labels}))
    return {"by": "file", "file": Path(os.path.relpath(file, scenario.parent)).as_posix()}


def laws_by_segment(
    said: str | None, how: BaseSegments | None, record: PurchaseSummary, index: Ints, names: Sequence[str],
    laws: ParetoNBD, amounts: GammaGamma,
) -> tuple[Laws, tuple[SegmentLaw, ...], tuple[str, ...]]:  # fmt: skip
    """Return the laws of customers, what was found of each segment's, and what should be said of it.

    Segments made of what was bought have the laws of all; ``said`` names them as :func:`own` takes it.
    """
    if said == "mixture" or by_purchases(how):
        notes = ("segments are made of what was bought, which tells no laws of their own: all have one",)
        return of_all(laws, amounts, len(record)), (), notes if said is not None else ()
    own, found = fit_by_segment(record, index, names, laws, amounts)
    edges = []
    for i, each in enumerate(names):
        of_buying, of_amounts = own.buying[i] != laws, own.amounts[i] != amounts
        age = float(record.age[index == i].mean()) if of_buying else float("inf")
        said_of_it = at_the_edge(own.buying[i], age) * of_buying + at_the_edge(own.amounts[i]) * of_amounts
        edges += [f"{each}: {sentence}" for sentence in said_of_it]
    return own, found, tuple(edges)


def separation(names: Sequence[str], index: Ints, record: PurchaseSummary, laws: Laws) -> Separation:
    """Return how far segments, ``index[customer]`` of ``names``, tell customers apart under their laws."""
    worth = worth_of(record, laws, laws)
    alive = laws.probability_alive(record.frequency, record.recency, record.age)
    heads = np.bincount(index, minlength=len(names))
    mean = np.bincount(index, weights=worth, minlength=len(names)) / np.maximum(heads, 1)
    lives = np.bincount(index, weights=alive, minlength=len(names)) / np.maximum(heads, 1)
    whole = float(((worth - worth.mean()) ** 2).sum())
    between = float(heads @ (mean - worth.mean()) ** 2) / whole if whole > 0 else 0.0
    rows = zip(names, heads.tolist(), lives.tolist(), mean.tolist(), strict=True)
    return Separation(tuple((str(n), int(h), float(a), float(w)) for n, h, a, w in rows), between)


def segments_of(
    how: BaseSegments | None, base: CustomerBase, record: PurchaseSummary, laws: ParetoNBD, amounts: GammaGamma,
    folder: Path, like: PurchaseSummary | None = None,
) -> tuple[Ints, Sequence[str]]:  # fmt: skip
    """Return the index of each customer's segment, and the segments' names.

    ``like``: other records, whose cut-offs those of cycle x amount are; None: their own.
    """
    if how is not None:
        worth, loyal = worth_of(record, laws, amounts), loyal_of(record, laws, amounts)
        return own_segments(how, base, record, worth, folder, loyal), how.names

    def traits(of: PurchaseSummary) -> tuple[Floats, Floats]:
        rate = laws.mean_purchase_rate(of.frequency, of.recency, of.age)
        return rate, amounts.conditional_mean_spend(of.purchases, of.mean_amount_all)

    cutoffs = None if like is None else segment_by_cycle_and_amount(*traits(like))[1]
    return segment_by_cycle_and_amount(*traits(record), cutoffs)[0], SEGMENTS


def worth_of(record: PurchaseSummary, laws: ParetoNBD | Laws, amounts: GammaGamma | Laws) -> Floats:
    """Return what each customer is expected to buy in the next year, in money."""
    bought = laws.conditional_expected_purchases(TIER_WEEKS, record.frequency, record.recency, record.age)
    return np.asarray(bought * amounts.conditional_mean_spend(record.purchases, record.mean_amount_all))


def loyal_of(record: PurchaseSummary, laws: ParetoNBD | Laws, amounts: GammaGamma | Laws) -> tuple[Floats, Floats]:
    """Return what each customer is expected to buy in a year while a customer, in money, and P(alive)."""
    seen = record.frequency, record.recency, record.age
    amount = amounts.conditional_mean_spend(record.purchases, record.mean_amount_all)
    return np.asarray(laws.mean_purchase_rate(*seen) * TIER_WEEKS * amount), laws.probability_alive(*seen)


def _shown(value: float) -> float:
    return float(f"{value:.5g}")


def _at_most(value: float) -> float:
    """Return a mean as it is shown and not above it, so that who has just the mean has it."""
    shown = _shown(value)
    return shown if shown <= value else _shown(value * (1 - 1e-5))


def segments_yaml(how: BaseSegments | None) -> str:
    """Return the lines of ``base.segments:``; nothing for those of cycle x amount."""
    if how is None:
        return ""
    given = how.model_dump(mode="json", exclude_none=True)
    lines = [f"    {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in given.items() if value != []]
    return "\n".join(["  segments:             # the firm's own; rules, levers and plans speak of them", *lines, ""])


def laws_yaml(found: Sequence[SegmentLaw]) -> str:
    """Return the lines of ``base.by_segment:``; nothing where no segment has laws of its own."""
    lines = []
    for each in found:
        if each.own:
            lines.append(
                f"    {scalar(each.name)}:   # {each.customers:,} customers{f'; {each.why}' if each.why else ''}"
            )
        for key, law in (("pareto_nbd", each.buying), ("gamma_gamma", each.amounts)):
            if law is not None:
                numbers = ", ".join(f"{name}: {rounded(value)}" for name, value in vars(law).items())
                lines.append(f"      {key}: {{{numbers}}}")
    head = "  by_segment:           # fitted to the customers of the segment alone; take one out: as all"
    return "\n".join([head, *lines, ""]) if lines else ""
