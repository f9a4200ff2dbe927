"""What cannot be held in memory is refused before the work, with the number."""

import math
from pathlib import Path

import pytest

from sim import memory
from sim.customers import people
from sim.errors import InputError
from sim.scenario.file import parse
from sim.twin import build


def test_more_customers_than_can_be_held_are_refused_before_they_are_drawn(market, monkeypatch) -> None:
    """A thousand millions on a machine with 8 GB; more than draws are counted for, on any; those of births too."""
    content = market()
    name = next(iter(content["segments"]))
    content["segments"][name]["start"] = {"new": 1e9}
    monkeypatch.setattr(people, "free_memory", lambda: 8e9)
    with pytest.raises(InputError, match=r"1,000,030,000 customers .* need at least 40\.0 GB, and 8\.0 GB"):
        build(parse(content)).population(0, 0, "individual")
    monkeypatch.setattr(people, "free_memory", lambda: math.inf)
    content["segments"] |= {f"{name} {i}": content["segments"][name] for i in range(4)}
    with pytest.raises(InputError, match=r"at most 4,294,967,295"):
        build(parse(content)).population(0, 0, "individual")
    content["segments"][name]["births"] = {"prospect": 1e9}
    with pytest.raises(InputError, match=r"births\.prospect: more than 1,000,000,000 people over the horizon"):
        parse(content)


def test_free_memory_is_the_least_of_what_machine_and_container_have(tmp_path: Path, monkeypatch) -> None:
    free = memory.free_memory()
    assert free > 0
    (tmp_path / "max").write_text("5000000\n")
    (tmp_path / "now").write_text("2000000\n")
    monkeypatch.setattr(memory, "LIMITS", (tmp_path / "max", tmp_path / "now"))
    assert memory.free_memory() == 3_000_000
    (tmp_path / "max").write_text("max\n")
    assert math.isclose(memory.free_memory(), free, rel_tol=0.5)
