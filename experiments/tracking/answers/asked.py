"""What was asked, as parameters and as a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.tracking.call import bits_of
from experiments.tracking.content import flat
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined
from optimizer.plan import Plan

__all__ = ["asked_params", "key_of_call"]


def asked_params(decision: Decision) -> dict[str, str]:
    """Return the arguments of a call as parameters."""
    content: dict[str, Any] = {}
    for name, value in decision.call.arguments.items():
        parts = vars(value) if type(value).__name__ == "Question" else {name: value}
        content |= {each: _named(what) for each, what in parts.items() if what not in (None, (), [], {}, "")}
    return flat({name: value for name, value in content.items() if name != "budget"})


def _named(value: Any) -> Any:
    if isinstance(value, Plan):
        return f"plan {bits_of(value)[:12]}"
    if isinstance(value, Mapping):
        return {str(key): _named(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each) for each in value]
    return value if isinstance(value, bool | int | float) else str(value)


def key_of_call(decision: Decision, kind: str) -> str:
    """Return the SHA-256 of what was asked of what, and of the answer."""
    call = decision.call.kept(decision.answer)
    where = decision.scenario.hash if decision.twin is not None else ""
    return joined(kind, where, decision.world, {name: joined(data.decode("latin-1")) for name, data in call.items()})
