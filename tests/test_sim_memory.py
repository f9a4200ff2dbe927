"""What cannot be held in memory is refused before the work, with the number."""

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.words import describe as describing
from experiments.words.describe import describe
from sim import memory
from sim.customers import established, people
from sim.engine.sensitivity import follow
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
    monkeypatch.setattr(memory, "CACHE", tmp_path / "stat")
    assert memory.free_memory() == 3_000_000
    (tmp_path / "stat").write_text("anon 900000\ninactive_file 1000000\nactive_file 100000\n")
    assert memory.free_memory() == 4_000_000
    (tmp_path / "max").write_text("max\n")
    assert math.isclose(memory.free_memory(), free, rel_tol=0.5)


def test_a_rich_market_says_its_size_and_is_refused_where_it_does_not_fit(market, monkeypatch) -> None:
    """The odds of a period by class, law and outcome, and where customers are, times its periods."""
    content = market(plain=True, links={"kinds": {"desk": {"share": 0.3}, "experts": {"share": 0.1}}})
    content["stages"] = {"core": 3, "declining": 2, "lapsed": 3}
    content["categories"] = {"names": ["a", "b", "c"], "mix": [0.5, 0.3, 0.2]}
    scenario = parse(content)
    twin = build(scenario)
    chain = twin.chain
    (classes, states), laws, outcomes = chain.initial.shape, chain.space.law_kind.size, chain.space.successor.shape[1]
    assert (states, laws, outcomes) == (2 + 3 * 4 * (12 + 2), 2 + 5 * 12 + 2 * 5, 3 * (12 + 1))
    each = 8 * classes * (laws * (outcomes + 4) + states)
    assert "Size:" not in describe(scenario, twin)
    monkeypatch.setattr(describing, "SMALL", 1.0)
    size = f"Size: {states:,} states x {classes:,} classes of customers x {chain.periods} months; a plan takes about"
    assert size in describe(scenario, twin)
    monkeypatch.setattr(memory, "SMALL", 1.0)
    monkeypatch.setattr(memory, "free_memory", lambda: each * chain.periods - 1.0)
    with pytest.raises(InputError, match=rf"{states:,} states x .* x {chain.periods} periods need about .*fewer kinds"):
        follow(chain, np.zeros((chain.periods, *chain.targets.shape)))
    monkeypatch.setattr(memory, "free_memory", lambda: each - 1.0)
    with pytest.raises(InputError, match=r"x 1 period need about"):
        build(scenario)


def test_classes_of_the_past_are_looked_at_in_lots_with_the_same_bits(market, monkeypatch) -> None:
    """Whoever is there already is worked out lot by lot: as large lots as fit, or one class at a time."""
    content = market()
    name = next(iter(content["segments"]))
    content["segments"][name]["start"] = {"core": {"count": 50, "age": 5}}
    whole = build(parse(content)).chain.initial
    monkeypatch.setattr(established, "LOT", 1e5)
    assert build(parse(content)).chain.initial.tobytes() == whole.tobytes()
