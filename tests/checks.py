"""What several tests look at: chains, assets, bits, refusals."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from markets import Content, Floats

from sim.engine.chain import ControlledChain
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.history import History, Trace
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset


def lifecycle_of(twin: Twin) -> Lifecycle:
    assert isinstance(twin.chain, Lifecycle)
    return twin.chain


def chain_of(content: Content) -> Lifecycle:
    return lifecycle_of(build(parse(content)))


def asset_of(chain: ControlledChain, intensity: Floats) -> float:
    """Return the customer asset of a plan from the fluid twin's history."""
    return customer_asset(expected_history(chain, intensity), chain.discount_rate).total


def bits(history: History, upto: int | None = None) -> dict[str, bytes]:
    """Return every number of a history, bit by bit; ``upto``: of the periods before that one."""
    out: dict[str, bytes] = {}

    def add(name: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            out[name] = np.ascontiguousarray(value[:upto]).tobytes()
        elif upto is None:
            out[name] = np.float64(value).tobytes()

    for entry in dataclasses.fields(History):
        value = getattr(history, entry.name)
        if entry.name == "events":
            for name, numbers in value.items():
                add(name, numbers)
        elif isinstance(value, Trace):
            for name in ("state", "purchases", "revenue", "event"):
                add(f"trace {name}", getattr(value, name))
        elif entry.name != "targets" and value is not None:
            add(entry.name, value)
    return out


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of what differs."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


def refuses(tenure, folder: Path, words: tuple, expected: str) -> None:
    """Assert that a command says in one line what is wrong, with exit code 2, and leaves nothing behind."""
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = tenure(*words)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert err.startswith("tenure: ")
    assert expected in err
    assert sorted(path.name for path in folder.iterdir()) == before
