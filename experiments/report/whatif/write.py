"""The what-if page: a surface of solved plans as data, the script that looks it up, and the words around both."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.report.page import marked_up, text
from experiments.words.figures import percent
from experiments.words.figures import typeset_money as money
from experiments.words.languages import LANGUAGES
from experiments.words.phrases import at_most
from experiments.words.retold import rule_retold, unit_retold
from experiments.words.whatif import whatif_words
from optimizer.insight.held_out import NUDGE
from optimizer.insight.surface import ASSET, HALVINGS, IDLE, KEPT, NOTICED
from optimizer.money.calendar import Calendar
from sim.files import write_text

if TYPE_CHECKING:
    from optimizer.insight.held_out import Errors, HeldOut
    from optimizer.insight.sounding import Sounded
    from optimizer.insight.surface import Family, Knot, Surface
    from sim.arrays import Floats
    from sim.scenario.file import Scenario

__all__ = ["surface_data", "write_whatif"]

DIGITS = 10
"""Significant digits of the page's data."""
LESS = 0.8
"""Plan B begins at this part of the budget in force."""


def write_whatif(
    path: str | Path, *, scenario: Scenario, sounded: Sounded, seed: int, command: str, language: str = "en"
) -> Path:
    """Write the page and return where it is.

    Parameters
    ----------
    path
        Written under a temporary name and moved into place.
    seed
        With which the held-out tables were drawn.
    command
        That plays an exported table.

    Raises
    ------
    InputError
        If it does not speak the language.
    FolderError
        If the file cannot be written.
    """
    path, words = Path(path), whatif_words(language)
    data = surface_data(scenario, sounded, words, language)
    here = files("experiments.report.whatif")
    parts = {name: here.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "surface.js", "page.js")}
    title = text(f"{words['title']} {scenario.name}")
    body = "\n".join(
        [
            _head(scenario, sounded, words),
            f'<div id="play">\n{_panels(scenario, sounded, words)}\n{_lines(words)}\n</div>',
            _trust(scenario, sounded, words, seed, command),
        ]
    )
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    write_text(
        path,
        f'<!doctype html>\n<html lang="{LANGUAGES[language]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{parts['page.css']}</style>\n</head>\n"
        f'<body data-plan="a">\n<main>\n{body}\n</main>\n'
        f'<script type="application/json" id="surface">{embedded}</script>\n'
        f"<script>{parts['surface.js']}</script>\n<script>{parts['page.js']}</script>\n</body>\n</html>\n",
    )
    return path


# --- Data -------------------------------------------------------------------------------------------------------------


def _short(values: Floats | float) -> Any:
    """Return numbers with no more digits than are meant."""
    array = np.asarray(values, dtype=float)
    if array.ndim:
        return [_short(each) for each in array]
    return float(f"{float(array):.{DIGITS}g}")


def _knot(knot: Knot) -> dict[str, Any]:
    cross = [
        [[[d, _short(moved[d])] for d in np.flatnonzero(moved).tolist()] for moved in point] for point in knot.cross
    ]
    return {
        "budget": knot.budget, "money": _short(knot.money), "course": _short(knot.course),
        "counts": _short(knot.counts), "slope": _short(knot.slope), "ends": _short(knot.end_counts),
        "points": _short(knot.points), "gain": _short(knot.gain), "slopes": _short(knot.slopes), "cross": cross,
    }  # fmt: skip


def _family(family: Family) -> dict[str, Any]:
    return {"without": family.without, "least": family.least, "knots": [_knot(knot) for knot in family.knots]}


def surface_data(scenario: Scenario, sounded: Sounded, words: dict[str, str], language: str = "en") -> dict[str, Any]:
    """Return what the page's script works on."""
    surface = sounded.surface
    low, high = surface.families[0].range
    start = min(max(surface.budget, low), high)
    return {
        "scenario": scenario.hash, "words": words, "currency": scenario.currency, "time": scenario.period,
        "stretches": [each.name for each in Calendar.of(scenario).stretches(scenario.period)],
        "lines": [list(line) for line in surface.lines], "top": _short(surface.top),
        "committed": _short(surface.committed), "committed_total": float(surface.committed.sum()),
        "committed_by_line": _short(surface.committed.sum(axis=0)), "today_by_line": _short(surface.today.sum(axis=0)),
        "today_counts": _short(surface.today_counts), "budget": surface.budget,
        "families": [_family(family) for family in surface.families],
        "watched": [
            {"rule": each.rule, "name": rule_retold(each.name, language), "sense": each.sense,
             "limit": _short(each.limit), "per_budget": _short(each.per_budget), "size": _short(each.size),
             "unit": unit_retold(each.unit, language)}
            for each in surface.watched
        ],
        "errors": _errors(sounded.held_out),
        "nudge": NUDGE, "idle": IDLE, "halvings": HALVINGS, "tolerance": NOTICED,
        "start": {"a": start, "b": max(low, LESS * start)},
    }  # fmt: skip


def _errors(held: HeldOut) -> dict[str, Any]:
    """Return how far the customer asset is off from plans solved anew, with customers kept; None where unknown."""
    kept = held.errors(count=KEPT)
    return {
        name: {**each._asdict(), "kept": kept[name]._asdict()} if each.number else None
        for name, each in held.errors().items()
    }


# --- Words ------------------------------------------------------------------------------------------------------------


def _head(scenario: Scenario, sounded: Sounded, words: dict[str, str]) -> str:
    kicker = words["kicker"].format(name=scenario.name, periods=scenario.periods, period=words[scenario.period])
    lead = words["lead"].format(number=sum(len(plans) for plans in sounded.plans))
    return (
        f"<header><p>{text(kicker)}{f' · {text(scenario.currency)}' if scenario.currency else ''}</p>"
        f'<h1>{text(words["title"])}</h1><p class="soft">{text(lead)}</p>{_finer(scenario, sounded, words)}</header>\n'
        "<noscript><style>#play { display: none; }</style>"
        f"<p>{text(words['noscript'])}</p>{_solved(sounded.surface, words)}</noscript>"
    )


def _finer(scenario: Scenario, sounded: Sounded, words: dict[str, str]) -> str:
    """Return what tables give up that tell nobody apart inside a segment, where it is anything."""
    if not sounded.given_up:
        return ""
    share = words["of_gain"].format(share=percent(sounded.finer / sounded.lift)) if sounded.lift > 0 else ""
    budget = money(sounded.surface.budget, scenario.currency)
    return f"<p>{marked_up(words['targeting'].format(budget=budget, more=money(sounded.finer), share=share))}</p>"


def _solved(surface: Surface, words: dict[str, str]) -> str:
    now = surface.today_counts[ASSET]
    return _table(
        [words["budget"], words["asset"], words["lift"]],
        [
            [money(knot.budget), money(knot.counts[ASSET]), money(knot.counts[ASSET] - now, signed=True)]
            for knot in surface.families[0].solved
        ],
        left=0,
    )


def _table(header: list[str], rows: list[list[str]], left: int = 1) -> str:
    def line(kind: str, row: list[str]) -> str:
        numbers = ["" if i < left else ' class="number"' for i in range(len(row))]
        return "<tr>" + "".join(f"<{kind}{n}>{text(c)}</{kind}>" for c, n in zip(row, numbers, strict=True)) + "</tr>"

    inside = "".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", header)}</thead><tbody>{inside}</tbody></table></div>'


def _panels(scenario: Scenario, sounded: Sounded, words: dict[str, str]) -> str:
    surface = sounded.surface
    least, most = surface.families[0].range
    limits = words["range"].format(least=money(least), most=money(most, scenario.currency))
    picks = "".join(
        f'<button type="button" data-show="{which}" aria-pressed="{"true" if which == "a" else "false"}">'
        f"{text(words['plan_' + which])}</button>"
        for which in "ab"
    )
    panels = "\n".join(_panel(which, surface, words, limits) for which in "ab")
    return (
        f'<p id="difference" aria-live="polite"></p>\n<div class="pick">{picks}</div>\n'
        f'<div class="panels">\n{panels}\n</div>\n'
        f'<figure><div id="curve"></div><figcaption>{text(words["curve"])}</figcaption></figure>'
    )


def _panel(which: str, surface: Surface, words: dict[str, str], limits: str) -> str:
    least, most = surface.families[0].range
    choices = ""
    if len(surface.families) > 1:
        names = [words["all_rules"], *(words["without"].format(rule=each.without) for each in surface.families[1:])]
        options = "".join(f'<option value="{i}">{text(name)}</option>' for i, name in enumerate(names))
        choices = f"<label>{text(words['rules'])} <select>{options}</select></label>"
    today = words["lift_note"].format(money=money(float(surface.today.sum())))
    notes = {"price": words["price_note"], "lift": today}
    cells = [
        f'<div><span>{text(words[name])}</span><b data-fact="{name}"></b>'
        f"<small>{text(notes.get(name, ''))}</small></div>"
        for name in ("asset", "lift", "spend", "price", "kept")
    ]
    buttons = "".join(
        f'<button type="button" data-do="{name}">{text(words[name])}</button>' for name in ("release", "copy", "export")
    )
    label = text(words["budget"])
    solve = f'<button type="button" data-do="solve" hidden>{text(words["solve"])}</button>'
    return (
        f'<section class="panel {which}"><h2>{text(words["plan_" + which])}</h2>\n'
        f'<label>{label} <input class="budget" inputmode="decimal" aria-label="{label}">'
        f'<small class="soft" data-fact="range">{text(limits)}</small></label>\n'
        f'<input type="range" min="{least}" max="{most}" step="any" aria-label="{label}">\n{choices}\n'
        f'<div class="facts">{"".join(cells)}</div>\n<small class="soft" data-fact="error"></small>\n'
        '<ul class="notes" aria-live="polite"></ul>\n'
        f'<div class="actions">{solve}{buttons}<small class="soft" data-fact="locks"></small></div></section>'
    )


def _lines(words: dict[str, str]) -> str:
    head = [f"<th>{text(words['line'])}</th>", f'<th class="number">{text(words["today"])}</th>']
    total = [f"<th>{text(words['all'])}</th>", '<td class="number" id="today"></td>']
    for which in "ab":
        head.append(f'<th class="number {which}">{text(words["plan_" + which])}</th>')
        head.append(f'<th class="number {which}">{text(words["next"])}</th>')
        total += [f'<td class="number {which}" data-total="{which}"></td>', f'<td class="{which}"></td>']
    return (
        f'<h2>{text(words["lines"])}</h2>\n<p class="soft">{text(words["lines_note"])}</p>\n'
        f'<div class="scroll"><table id="lines"><thead><tr>{"".join(head)}</tr></thead><tbody></tbody>'
        f'<tfoot><tr>{"".join(total)}</tr></tfoot></table></div>\n<p class="soft" id="idle"></p>'
    )


def _trust(scenario: Scenario, sounded: Sounded, words: dict[str, str], seed: int, command: str) -> str:
    held, surface = sounded.held_out, sounded.surface
    lift = max(abs(knot.counts[ASSET] - surface.today_counts[ASSET]) for knot in surface.families[0].solved)

    def row(against: str, name: str, off: Errors, kept: Errors) -> list[str]:
        kind = words[f"against_{against}"].format(kind=words[f"kind_{name}"].format(nudge=percent(NUDGE)))
        if not off.number:
            return [kind, "0", *"–––––"]
        part = at_most(off.worst / lift) if lift > 0 else "–"
        return [kind, str(off.number), *map(money, off[:2]), part, *map(money, kept[:2])]

    rows = [
        row(against, name, each, held.errors(against, KEPT)[name])
        for against in ("solved", "played")
        for name, each in held.errors(against).items()
    ]
    header = [words[name] for name in ("kind", "number", "worst", "typical", "of_lift", "worst_kept", "typical_kept")]
    said = [words["lacking"].format(lacking=money(held.lacking))]
    terms = [name for name, lever in scenario.levers.items() if lever.pays != "budget"]
    said += [words["terms"].format(levers=", ".join(terms))] if terms else []
    rules = scenario.rules
    left_out = [words["contacts"]] * (rules.contacts is not None) + [words["campaigns"]] * bool(rules.campaigns)
    said += [words["not_followed"].format(what=", ".join(left_out))] if left_out else []
    said += [words["expected"], words["play"].format(command=command)]
    measured = words["measured"].format(solves=held.solves, seed=seed, currency=scenario.currency or "–")
    foot = words["foot"].format(hash=scenario.hash[:12])
    return (
        f"<h2>{text(words['how'])}</h2>\n<p>{text(measured)}</p>\n{_table(header, rows)}\n"
        f"<ul>{''.join(f'<li>{marked_up(each)}</li>' for each in said)}</ul>\n<footer>{text(foot)}</footer>"
    )
