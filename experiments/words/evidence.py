"""What is known of responses to money and what is not, in words."""

import math
from collections.abc import Sequence

from experiments.words.effects import effect_name
from experiments.words.figures import counted
from experiments.words.languages import spoken
from experiments.words.tables import table
from sim.responses.learn import CurvePoint, Learned
from sim.scenario.file import Scenario
from sim.scenario.ranges import stated
from sim.scenario.rules import Evidence

__all__ = ["curves_table", "known_in_words", "learned_answer", "learned_text", "told_and_assumed"]

_CHOSEN = "; the firm chose who got money: biased to those it chose"

_BOTH = {
    "both": ("measured in part", "部分来自测量"),
    "measured": ("measured", "来自测量"),
    "answered": ("answered", "来自回答"),
    "curve": ("{lever} on {moves}", "{lever} 对{moves}的作用"),
    "of": (" of {segment}", "（{segment}）"),
    "told": ("{curve}, {source} ({by}{chosen})", "{curve}，{source}（{by}{chosen}）"),
    "chosen": ("; the firm chose who got money", "；投放对象由公司选定"),
    "customers": ("{number} customers", "{number} 位客户"),
    "rows": ("{number} rows of history", "{number} 行历史数据"),
    "manager": ("{number} manager", "{number} 位管理者"),
    "managers": ("{number} managers", "{number} 位管理者"),
    "and": (" and ", "和"),
    "few": ("{people}; {data} were too few to move it", "{people}；{data}太少，未能改变它"),
}


def learned_answer(found: Learned) -> str:
    """Return how many curves rest on data, and how much money brings where it was tested."""
    keys = dict.fromkeys((p.lever, p.moves, p.segment) for p in found.curves)
    data = {(e.lever, e.moves, e.segment) for e in found.scenario.evidence if e.customers or e.rows} & set(keys)
    moved = {(p.lever, p.moves, p.segment) for p in found.curves if _data(p)}
    said = f"Evidence on {len(keys)} curve{'s' * (len(keys) != 1)}: data on {len(data)}"
    said += f" (too few to move {len(data - moved)} of them)" if data - moved else ""
    said += ", answers alone on the others." if len(data) < len(keys) else "."
    for each in found.effects:
        said += (
            f" {_named(each.lever, each.moves, each.segment)}: {each.spend:g} against {each.against:g} each brings "
            f"{each.difference:+.4g} ({each.low:+.4g} to {each.high:+.4g}, {counted(each.n, 'customer')})."
        )
    for spill in (each for each in found.spills if each.told and not each.low <= 0 <= each.high):
        said += (
            f" {_named(spill.lever, spill.moves, spill.segment)} spills over: who gets the least has "
            f"{spill.value:+.4g} ({spill.low:+.4g} to {spill.high:+.4g}) while all near get {spill.spend:g}; the curve "
            "counts it."
        )
    for won in (one for one in found.selected if one.told):
        bring = {"purchases": "buy", "money": "pay"}[won.what]
        said += (
            f" Those whom {_of(won.lever, won.segment)} adds {bring} {won.ratio:.2f} of what those who come by "
            f"themselves do ({won.low:.2f} to {won.high:.2f}, {counted(won.n, 'customer')} won): `quality` says so."
        )
    for late in found.of_late:
        heads = counted(late.n, "customer")
        stated = f"`of_late.{late.key}: {late.value:.3g}` ({late.low:.3g} to {late.high:.3g})"
        if late.key == "fatigue":
            said += (
                f" {late.lever} tires: at {2 * late.usual:.3g} each per period of late it works {late.lost[1]:.0%} "
                f"worse than at {late.usual:.3g} ({late.lost[0]:.0%} to {late.lost[2]:.0%}, {heads}), "
                f"{stated}."
            )
        elif late.key == "pulled_forward":
            said += (
                f" Of the purchases that {late.lever} adds {late.value:.0%} are pulled forward and missing later "
                f"({late.low:.0%} to {late.high:.0%}, {heads})."
            )
    return said


def _of(lever: str, segment: str) -> str:
    return lever + (f" of {segment}" if segment else "")


def _data(point: CurvePoint) -> bool:
    return point.source != "answered"


def _named(lever: str, moves: str, segment: str, language: str = "en") -> str:
    words = spoken(_BOTH, language)
    of = words["of"].format(segment=segment) if segment else ""
    return words["curve"].format(lever=lever, moves=effect_name(moves, language)) + of


def curves_table(found: Learned) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each curve and intensity."""
    chosen = {(e.lever, e.segment, e.moves) for e in found.scenario.evidence if e.chosen}
    rows = [
        [
            _named(p.lever, p.moves, p.segment), "unlimited" if math.isinf(p.at) else f"{p.at:g}", f"{p.value:.4g}",
            f"{p.low:.4g} to {p.high:.4g}", p.source + ", chosen" * (_data(p) and p[:3] in chosen),
            f"{p.n:,} {_who(p, found)}",
        ]
        for p in found.curves
    ]  # fmt: skip
    return ["curve", "money each", "value", "95 % interval", "source", "of"], rows


def _who(point: CurvePoint, found: Learned) -> str:
    if _data(point) and (point.lever, point.moves, point.segment) in found.by_history:
        return "rows of history"
    return "customers" if _data(point) else "manager" if point.n == 1 else "managers"


def learned_text(found: Learned) -> str:
    """Return what people read."""
    notes = ["", "What it does not tell:", *(f"- {note}" for note in found.notes)] if found.notes else []
    return "\n".join([learned_answer(found), "", table(*curves_table(found)), *notes])


def known_in_words(scenario: Scenario) -> list[str]:
    """Return of every curve of a scenario where it comes from and how well it is known."""
    out = []
    ranged = [each.path for each in scenario.uncertain]
    for each in scenario.evidence:
        curve, warned = _named(each.lever, each.moves, each.segment), _CHOSEN
        out.append(
            f"{curve}: {spoken(_BOTH, 'en')[each.source]} ({_by(each)}), with intervals{warned if each.chosen else ''}"
        )
    segments = {*scenario.base_segments, *scenario.segments}
    of = {(each.lever, each.moves): set[str]() for each in scenario.evidence}
    for each in scenario.evidence:
        of[each.lever, each.moves] |= {each.segment} if each.segment else segments
    known = {key for key, parts in of.items() if parts >= segments}
    rest = [(name, moves) for name, lever in scenario.levers.items() for moves in lever.moves]
    rest = [key for key in rest if key not in known]
    return [*out, *_answers(rest, ranged, bool(out)), *_beside_its_range(scenario)]


def _beside_its_range(scenario: Scenario) -> list[str]:
    """Return which numbers the scenario states outside the range that it gives them."""
    content = scenario.model_dump(mode="json", exclude_unset=True)
    return [
        f"{each.path} is stated as {stated(content, each.path):g}, outside its range of {each.low:g} to {each.high:g}: "
        "figures are of the first, and what counts what is not known is of the range"
        for each in scenario.uncertain
        if not each.low <= stated(content, each.path) <= each.high
    ]


def told_and_assumed(scenario: Scenario, language: str = "en") -> tuple[list[str], list[str]]:
    """Return in words the curves that data tell, in whole or in part, and the levers with one that is answered alone.

    A curve that is told of some segments alone is answered for the others.
    """
    words = spoken(_BOTH, language)
    told = [each for each in scenario.evidence if each.source != "answered"]
    said = [
        words["told"].format(
            curve=_named(each.lever, each.moves, each.segment, language), source=words[each.source],
            by=_by(each, language), chosen=words["chosen"] if each.chosen else "",
        )
        for each in told
    ]  # fmt: skip
    of_all = {(each.lever, each.moves) for each in told if not each.segment}
    return said, [
        name for name, lever in scenario.levers.items() if any((name, moves) not in of_all for moves in lever.moves)
    ]


def _by(each: Evidence, language: str = "en") -> str:
    """Return what tells a curve: customers, rows of a history, or managers."""
    words = spoken(_BOTH, language)
    told = [words[key].format(number=f"{n:,}") for key, n in (("customers", each.customers), ("rows", each.rows)) if n]
    people = words["manager" if each.managers == 1 else "managers"].format(number=each.managers)
    if told and each.source == "answered":
        return words["few"].format(people=people, data=words["and"].join(told))
    return words["and"].join(told) or people


def _answers(rest: Sequence[tuple[str, str]], ranged: Sequence[str], some: bool) -> list[str]:
    if not rest:
        return []
    without = [
        f"{lever} on {moves}"
        for lever, moves in rest
        if not any(path.startswith(f"levers.{lever}.moves.{moves}.") for path in ranged)
    ]
    whole = ", ".join(f"{lever} on {moves}" for lever, moves in rest) if some else f"all {len(rest)} curves"
    said = f"not measured: {whole}; they are answers"
    said += f", of which {', '.join(without)} without a range" if without else ", with ranges"
    return [f"{said} (tenure learn makes curves of experiments and managers' answers)"]
