"""Tables of response curves as marketing-mix models write them, made into ours: channel, spend, response.

===================  ==============================================================================================
Meridian             ``Analyzer.response_curves()``: its data frame (channel, spend_multiplier, metric, spend,
                     incremental_outcome) as CSV or JSON, or the data set's ``to_dict()`` as JSON; ``mean`` is used
Robyn                ``pareto_media_transform_matrix.csv`` (ds, a column a channel, type, solID): the response
                     ``decompMedia`` of what had been carried over, ``adstockedMedia``, in every period of one model
PyMC-Marketing       ``mmm.summary.saturation_curves()`` (x, channel, mean, ...) with a column ``spend``, as ``x`` is in
                     the model's own scale
===================  ==============================================================================================

Sources: meridian/analysis/analyzer.py (google/meridian), demo/schema.R and R/R/pareto.R (facebookexperimental/Robyn),
pymc_marketing/mmm/summary.py (pymc-labs/pymc-marketing).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.reading import read_json

__all__ = ["Foreign", "from_elsewhere", "is_from_elsewhere", "table_of_json"]

Row = dict[str, str]
FORGOTTEN = 0.005
"""Share of a period's money below which what is carried over is left out of the rule that is shown."""
SAME = 1e-6


class Foreign(NamedTuple):
    """Points (channel, spend, response, row of the file) of a table from elsewhere, and what should be said."""

    points: tuple[tuple[str, float, float, int], ...]
    notes: tuple[str, ...]


def table_of_json(path: Path, text: str) -> list[Row]:
    """Return the rows of a JSON file: a list of records, an object of columns, or a data set of arrays.

    Raises
    ------
    InputError
        If it is none of these.
    """
    content = read_json(text, path)
    rows: list[dict[str, Any]] = []
    if isinstance(content, dict) and "ExportedModel" in content:
        raise InputError(
            f"{path}: is a Robyn model, whose curves are not in it; give the file pareto_media_transform_matrix.csv "
            "that Robyn writes beside it (robyn_outputs with csv_out)"
        )
    if isinstance(content, dict) and "data_vars" in content:
        rows = _records(content)
    elif isinstance(content, dict) and content and all(isinstance(each, dict | list) for each in content.values()):
        columns = {n: list(each.values()) if isinstance(each, dict) else each for n, each in content.items()}
        if len({len(each) for each in columns.values()}) == 1:
            rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif isinstance(content, list) and all(isinstance(row, dict) for row in content):
        rows = content
    if not rows:
        raise InputError(
            f"{path}: expected JSON with a list of records, an object of columns, or a data set with data_vars, each "
            "with channel, spend and response"
        )
    return [{str(n).strip().lower(): "" if v is None else str(v) for n, v in row.items()} for row in rows]


def _records(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each element of the arrays of a data set, smaller ones repeated."""
    try:
        arrays = {name: (tuple(each["dims"]), np.asarray(each["data"])) for name, each in content["data_vars"].items()}
        names = {name: list(each["data"]) for name, each in content["coords"].items()}
        dims = max((of for of, _ in arrays.values()), key=len)
        rows = []
        for place in np.ndindex(*(len(names[dim]) for dim in dims)):
            at = dict(zip(dims, place, strict=True))
            row = {dim: names[dim][i] for dim, i in at.items()}
            rows.append(row | {n: data[tuple(at[d] for d in of)].item() for n, (of, data) in arrays.items()})
    except (KeyError, TypeError, IndexError, ValueError, AttributeError):
        return []
    return rows


def from_elsewhere(path: Path, rows: Sequence[Row]) -> Foreign | None:
    """Return the curves of a marketing-mix model's table; None where it is not one.

    ``rows`` with names of columns in small letters; the first is row 2 of the file.

    Raises
    ------
    InputError
        If it is one that curves cannot be made of, with what is missing.
    """
    if not rows:
        return None
    for needed, read in _KINDS:
        if needed <= set(rows[0]):
            for i, row in enumerate(rows, 2):
                if len(row) < len(rows[0]):
                    raise InputError(f"{path}, row {i}: expected {len(rows[0])} fields, got {len(row)}")
            return read(path, rows)
    return None


def is_from_elsewhere(columns: Sequence[str]) -> bool:
    """Return whether columns are those of a table that is known."""
    return any(needed <= set(columns) for needed, _ in _KINDS)


def _meridian(path: Path, rows: Sequence[Row]) -> Foreign:
    metrics = {row["metric"].lower() for row in rows}
    which = next((each for each in ("mean", "median") if each in metrics), None)
    if which is None:
        raise InputError(f"{path}: expected rows with metric mean or median, got {', '.join(sorted(metrics))}")
    points = [
        (row["channel"], _number(path, i, row, "spend"), _number(path, i, row, "incremental_outcome"), i)
        for i, row in enumerate(rows, 2)
        if row["metric"].lower() == which
    ]
    return Foreign(
        tuple(points),
        (
            f"Meridian's response curves: their {which}; money and response are of all the time they were made for, "
            "so the budget is too",
        ),
    )


def _pymc(path: Path, rows: Sequence[Row]) -> Foreign:
    if "spend" not in rows[0]:
        raise InputError(
            f"{path}: PyMC-Marketing's saturation curves are over x in the model's own scale, not money; add a column "
            "spend = x times the channel's scale (mmm.data.get_channel_scale()) and take original_scale=True"
        )
    known = {"x", "channel", "mean", "median", "spend"}
    more = [n for n in rows[0] if n not in known and not n.startswith("abs_error_") and len({r[n] for r in rows}) > 1]
    if more:
        raise InputError(
            f"{path}: its curves differ by {', '.join(more)} too; keep one, or put it into the channel's name"
        )
    points = [
        (row["channel"], _number(path, i, row, "spend"), _number(path, i, row, "mean"), i)
        for i, row in enumerate(rows, 2)
    ]
    return Foreign(
        tuple(points),
        ("PyMC-Marketing's saturation curves: their mean, of money that acts in one period, what is carried over "
         "included; state carry_over in the rules (mmm.summary.adstock_curves() has the weights)",),
    )  # fmt: skip


def _robyn(path: Path, rows: Sequence[Row]) -> Foreign:
    models = list(dict.fromkeys(row["solid"] for row in rows))
    if len(models) > 1:
        raise InputError(
            f"{path}: holds {len(models)} Robyn models (solID {', '.join(models[:4])}{', ...' * (len(models) > 4)}); "
            "keep the rows of the one you chose"
        )
    channels = [name for name in rows[0] if name not in ("ds", "type", "solid")]
    by_type: dict[str, dict[str, int]] = {}
    for i, row in enumerate(rows):
        by_type.setdefault(row["type"], {})[row["ds"]] = i
    missing = [each for each in ("rawSpend", "rawMedia", "adstockedMedia", "decompMedia") if each not in by_type]
    if missing:
        raise InputError(f"{path}: expected rows of type {', '.join(missing)}, got {', '.join(by_type)}")
    days = [day for day in by_type["decompMedia"] if all(day in each for each in by_type.values())]

    def column(kind: str, channel: str) -> Floats:
        places = [by_type[kind][day] for day in days]
        return np.array([_number(path, i + 2, rows[i], channel) for i in places])

    points: list[tuple[str, float, float, int]] = []
    notes = [f"Robyn's model {models[0]}: responses of a period to the money that acts in it, as fitted"]
    for channel in channels:
        money, media, acts, brings = (
            column(kind, channel) for kind in ("rawSpend", "rawMedia", "adstockedMedia", "decompMedia")
        )
        if not money.sum() > 0:
            notes.append(f"'{channel}' had no spend: it is left out")
            continue
        cost = float(money.sum() / media.sum())
        if np.abs(media - money).max() > SAME * money.max():
            notes.append(f"'{channel}' was modelled by exposures, which cost {cost:.4g} each on the whole")
        place = by_type["decompMedia"]
        seen: dict[float, tuple[float, int]] = {}
        for day, spend, response in zip(days, cost * acts, brings, strict=True):
            if spend > 0:
                seen.setdefault(float(f"{spend:.12g}"), (float(response), place[day] + 2))
        points += [(channel, spend, *rest) for spend, rest in seen.items()]
        notes.append(f"'{channel}': {_carried(media, acts)}")
    return Foreign(tuple(points), tuple(notes))


def _carried(media: Floats, acts: Floats) -> str:
    """Return how what is carried over is stated in the rules, as the model had it."""
    before = acts[:-1]
    share = np.divide(acts[1:] - media[1:], before, out=np.full(before.shape, np.nan), where=before > 0)
    share = share[np.isfinite(share)]
    if not share.size or np.ptp(share) > 1e-4:
        return "what is carried over is not geometric; state carry_over in the rules"
    theta = float(np.median(share))
    number = int(np.ceil(math.log(FORGOTTEN) / math.log(theta))) if 0 < theta < 1 else 1
    weights = ", ".join(f"{theta**k:.3g}" for k in range(max(number, 1)))
    return f"to act as in the model, it needs carry_over [{weights}] in the rules"


def _number(path: Path, line: int, row: Row, column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{path}, row {line}: {column} '{row[column]}'; expected a number: mend or remove the row")
    return number


_KINDS: tuple[tuple[set[str], Callable[[Path, Sequence[Row]], Foreign]], ...] = (
    ({"channel", "spend_multiplier", "metric", "spend", "incremental_outcome"}, _meridian),
    ({"ds", "type", "solid"}, _robyn),
    ({"x", "channel", "mean"}, _pymc),
)
