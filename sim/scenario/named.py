"""What a scenario is named by: its content without keys of later versions that say nothing, so that names stay."""

from typing import Any

__all__ = ["leave_out_what_says_nothing"]

LATER: dict[str, Any] = {"categories": None, "club": None, "partner": None, "evidence": []}
"""Keys that came later, with what says nothing there."""
OF_LINKS: dict[str, Any] = {"kinds": {}, "kept": 0.0}
OF_BASE: dict[str, Any] = {"segments": None, "conditions": [], "by_segment": {}}
OF_UNCERTAIN: dict[str, Any] = {"law": "even", "correlated": {}}
OF_LEVER: dict[str, Any] = {"pays": "budget", "of_late": None, "spills_over": {}, "misses": {}}
OF_SEGMENT: dict[str, Any] = {"diffusion": None, "growth": None, "share_of_customer": None, "partner": None}
OF_KIND, OF_EMPLOYEES = {"acquisition_by_money": None}, {"turnover": None}
OF_ESTABLISHED, OF_EVIDENCE = {"categories": None, "club": None}, {"rows": None}


def leave_out_what_says_nothing(known: dict[str, Any]) -> None:
    """Take out of a scenario's content, as JSON has it, what came later and says nothing there.

    Examples
    --------
    >>> content = {"links": {"kinds": {}, "kept": 0.2}, "levers": {}, "segments": {}, "uncertain": []}
    >>> leave_out_what_says_nothing(content)
    >>> content["links"]
    {'kept': 0.2}
    """
    for each in known.get("evidence", ()):
        _without(each, OF_EVIDENCE)
    _without(known, LATER)
    for key, silent in (("base", OF_BASE), ("links", OF_LINKS), ("employees", OF_EMPLOYEES)):
        if known.get(key) is not None:
            _without(known[key], silent)
    for each in known["competitors"]:
        _without(each, {"price": None})
    for each in known["uncertain"]:
        _without(each, OF_UNCERTAIN)
    for lever in known["levers"].values():
        _without(lever, OF_LEVER)
    for segment in known["segments"].values():
        _without(segment, OF_SEGMENT)
        for kind in segment["quality"]:
            _without(kind, OF_KIND)
        for row in segment["start"].values():
            for each in row if isinstance(row, list) else [row]:
                if isinstance(each, dict):
                    _without(each, OF_ESTABLISHED)


def _without(known: dict[str, Any], silent: dict[str, Any]) -> None:
    """Take out keys whose value is what says nothing."""
    for key, nothing in silent.items():
        if key in known and (known[key] == nothing or (not nothing and not known[key])):
            del known[key]
