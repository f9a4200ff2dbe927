"""Saved markets: going on with the same bits, branching, and refusing what is damaged."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import bits, different
from everything import busy, crowded, money_for
from players import Reacting, Switching

from policies.fixed import AsToday
from sim.errors import FolderError, InputError
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import build


@pytest.mark.parametrize(
    ("law", "traits", "terminal", "review_every"),
    [
        pytest.param("silent", "individual", "none", 1, marks=pytest.mark.slow),
        ("silent", "classes", "value-to-go", 1),
        ("contractual", "classes", "none", 2),
        pytest.param("renewal", "individual", "none", 1, marks=pytest.mark.slow),
        ("renewal", "classes", "none", 5),
    ],
)
def test_a_saved_market_goes_on_with_the_bits_of_an_unbroken_run(
    law: str, traits: Any, terminal: str, review_every: int, tmp_path: Path
) -> None:
    """Saved after any period, and read back with a twin and customers made afresh: as if it had never stopped.

    Surveys under way, campaigns decided ahead, money spent, employees, rivals and shocks that are there: all is kept.
    """
    twin = busy(law, terminal)
    given = money_for(twin)

    def fresh() -> Market:
        who = twin.population(6, 2, traits)
        return Market(twin, Reacting(twin.scenario), who, given, seed=6, replication=2, review_every=review_every)

    unbroken = fresh().run()
    whole = bits(unbroken)
    again = build(parse(crowded(law, terminal=terminal)))
    for period in (0, 1, 3, 4, 7, 11, 12):
        market = fresh()
        first = market.run(until=period)
        assert market.period == period
        assert first.periods == period
        assert different(bits(first, upto=period), bits(unbroken, upto=period)) == []
        path = tmp_path / f"{period}.market"
        market.save(path)
        resumed = Market.resume(path, again, Reacting(again.scenario), again.population(6, 2, traits), shards=3)
        assert resumed.period == period
        assert different(bits(resumed.run()), whole) == [], f"saved after {period} periods"
        assert different(bits(market.run()), whole) == [], f"stopped after {period} periods"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{p}.market" for p in (0, 1, 3, 4, 7, 11, 12))


def test_a_market_may_stop_many_times(tmp_path: Path) -> None:
    """Saved and resumed after every period: still the same bits."""
    twin = busy("silent", "none")
    who = twin.population(6, 2)
    market = Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=6, replication=2)
    whole = bits(Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=6, replication=2).run())
    for period in range(1, 13):
        market.run(until=period)
        market.save(tmp_path / "market")
        market = Market.resume(tmp_path / "market", twin, Reacting(twin.scenario), who)
    assert different(bits(market.run()), whole) == []


@pytest.mark.parametrize("period", [1, 4, 8])
def test_a_market_branches_into_two_policies(period: int, tmp_path: Path) -> None:
    """From one saved market two policies go on: each has the bits of an unbroken run that changes hands there."""
    twin = busy("silent", "none")
    who = twin.population(9, 0)
    given = money_for(twin)
    reacting, today = Reacting(twin.scenario), AsToday()
    market = Market(twin, reacting, who, given, seed=9)
    market.run(until=period)
    market.save(tmp_path / "branch")
    branches = [
        Market.resume(tmp_path / "branch", twin, policy, who, threads=threads).run()
        for policy, threads in ((reacting, 1), (today, 2))
    ]
    unbroken = [
        Market(twin, policy, who, given, seed=9).run() for policy in (reacting, Switching(reacting, today, period))
    ]
    for branch, whole in zip(branches, unbroken, strict=True):
        assert different(bits(branch), bits(whole)) == []
    assert different(bits(branches[0], upto=period), bits(branches[1], upto=period)) == []
    assert branches[0].revenue.sum() != branches[1].revenue.sum()


def test_a_chain_of_ones_own_goes_on_too(tmp_path: Path) -> None:
    """A market of a chain given outright is saved and resumed alike."""
    content = {
        "name": "own",
        "periods": 6,
        "terminal": "none",
        "chain": {
            "states": ["a", "b"],
            "actions": [{"spend": 0, "moves": [[0.7, 0.3], [0.4, 0.6]], "reward": [1, 0]}],
        },
        "segments": {"all": {"start": {"a": 500, "b": 300}}},
    }
    twin = build(parse(content))
    who = twin.population(1, 0)
    whole = Market(twin, AsToday(), who, seed=1).run()
    market = Market(twin, AsToday(), who, seed=1)
    market.run(until=3)
    market.save(tmp_path / "own")
    resumed = Market.resume(tmp_path / "own", twin, AsToday(), who).run()
    assert different(bits(resumed), bits(whole)) == []
    np.testing.assert_array_equal(whole.moves.sum(axis=3), whole.customers[:-1])
    np.testing.assert_array_equal(whole.moves.sum(axis=2), whole.customers[1:])


def test_what_is_no_saved_market_of_these_customers_is_refused(tmp_path: Path) -> None:
    """Another scenario, other customers, a file of something else, no file: one line that says which."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    market = Market(twin, AsToday(), who, seed=1)
    market.run(until=2)
    path = tmp_path / "market"
    market.save(path)
    other = build(parse(crowded("renewal", terminal="none", margin=0.7)))
    with pytest.raises(InputError, match="another scenario"):
        Market.resume(path, other, AsToday(), who)
    with pytest.raises(InputError, match="other customers"):
        Market.resume(path, twin, AsToday(), twin.population(1, 1))
    (tmp_path / "text").write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(InputError, match="text: not a saved market"):
        Market.resume(tmp_path / "text", twin, AsToday(), who)
    np.savez(tmp_path / "numbers.npz", a=np.arange(3))
    with pytest.raises(InputError, match=r"numbers\.npz: not a saved market"):
        Market.resume(tmp_path / "numbers.npz", twin, AsToday(), who)
    with pytest.raises(FolderError, match="cannot be read"):
        Market.resume(tmp_path / "nowhere", twin, AsToday(), who)
    with pytest.raises(FolderError, match="cannot write"):
        market.save(tmp_path / "no folder" / "market")


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no states": (lambda saved: saved.pop("state"), "state is missing"),
    "no caps": (lambda saved: saved.pop("lever_caps"), "lever_caps is missing"),
    "a record too few": (lambda saved: saved.pop("record_people"), "record_people is missing"),
    "half of them": (lambda saved: saved.update(state=saved["state"][::2]), "state is uint16"),
    "one number for all": (lambda saved: saved.update(spent=np.zeros(1)), "spent is float64"),
    "states of words": (lambda saved: saved.update(state=saved["state"].astype("U5")), "state is <U5"),
    "states out of range": (lambda saved: saved["state"].fill(60_000), "a customer is in state 60000, expected at"),
    "states of others": (lambda saved: saved["state"].fill(0), "customers are not in the states that its record says"),
    "negative money": (lambda saved: saved["acting"].fill(-1), "acting holds what is not at least 0"),
    "facts of nothing": (lambda saved: saved.update(facts=np.array("{}")), "not a saved market"),
    "facts in a list": (lambda saved: saved.update(facts=np.array('["scenario", "people"]')), "not a saved market"),
    "facts of a number": (lambda saved: saved.update(facts=np.array("3")), "not a saved market"),
}
FACTS = {"period": -1, "seed": "x", "replication": 0.5, "review_every": 0, "budget": [1], "points": "many"}


def damaged(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Rewrite a saved market with a change."""
    with np.load(path) as file:
        saved = {name: file[name] for name in file.files}
    change(saved)
    with path.open("wb") as out:
        np.savez(out, **saved)


def test_a_whole_file_with_damaged_content_is_refused(tmp_path: Path) -> None:
    """What is missing, of another form or out of range is named before anything is put into the market."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    path = tmp_path / "market"

    def change_fact(name: str, value: object) -> Callable[[dict[str, Any]], Any]:
        def change(saved: dict[str, Any]) -> None:
            saved["facts"] = np.array(json.dumps({**json.loads(str(saved["facts"])), name: value}))

        return change

    wrong_facts = [(change_fact(name, value), f"{name} is {value!r}") for name, value in FACTS.items()]
    wrong_facts.append((change_fact("period", 10_000), "period is 10000"))
    wrong_facts.append((change_fact("budget", [1.0, math.nan]), "budget is [1.0, nan]"))
    for change, expected in [*DAMAGE.values(), *wrong_facts]:
        Market(twin, AsToday(), who, seed=1).save(path)
        damaged(path, change)
        with pytest.raises(InputError) as caught:
            Market.resume(path, twin, AsToday(), who)
        assert expected in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Half of a saved market is not a saved market."""
    twin = busy("renewal", "none")
    who = twin.population(1, 0)
    path = tmp_path / "market"
    Market(twin, AsToday(), who, seed=1).save(path)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:40], b""):
        path.write_bytes(part)
        with pytest.raises(InputError, match="not a saved market"):
            Market.resume(path, twin, AsToday(), who)
