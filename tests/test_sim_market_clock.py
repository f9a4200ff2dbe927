"""The same bits however a market with everything switched on is run, and no sum of money runs over."""

from typing import Any

import numpy as np
import pytest
from checks import bits, different
from everything import LAWS, busy, crowded, money_for
from markets import Content, Ints
from players import Reacting

from optimizer.ask.rows import as_today
from policies.fixed import AsToday
from sim.engine.fluid import expected_history
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import build
from sim.valuation import customer_asset

# --- However the work is divided --------------------------------------------------------------------------------------


DIVISIONS = [(1, 3), (1, 7), (2, 1), (2, 3), (2, 7), (None, None)]


@pytest.mark.parametrize(
    ("law", "traits", "terminal"),
    [
        pytest.param(law, *how, marks=[pytest.mark.slow] * ((k + k_law) % 2))
        for k_law, law in enumerate(LAWS)
        for k, how in enumerate((("individual", "none"), ("classes", "value-to-go")))
    ],
)
def test_same_bits_for_any_threads_and_shards(law: str, traits: Any, terminal: str) -> None:
    """One thread or two, one shard, three or seven: no bit of the history or of anybody's life changes.

    19,000 people: shards end inside blocks of customers, and blocks inside cohorts.
    """
    twin = busy(law, terminal, 20.0)
    who = twin.population(3, 1, traits)
    followed = np.arange(0, who.size, 97)

    def run(threads: int | None, shards: int | None) -> dict[str, bytes]:
        market = Market(
            twin,
            Reacting(twin.scenario),
            who,
            money_for(twin, 20.0),
            seed=3,
            replication=1,
            threads=threads,
            shards=shards,
            trace=followed,
        )
        return bits(market.run())

    alone = run(1, 1)
    for threads, shards in DIVISIONS:
        assert different(run(threads, shards), alone) == [], f"{threads} threads, {shards} shards"
    assert len(alone) > 20


@pytest.mark.parametrize("shards", [3, 7])
def test_same_value_after_the_horizon_for_any_shards(shards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers with traits of their own, each valued between the nodes of the grid, in parts."""
    monkeypatch.setattr("sim.engine.lifecycle.GRID_RATES", np.array([0.0, 0.1, 0.5, 2.0]))
    monkeypatch.setattr("sim.engine.lifecycle.GRID_DEFECTIONS", np.array([0.0, 0.02, 0.2, 1.0]))
    content = crowded("silent", 5.0, periods=2, stages={"core": 2, "declining": 1, "lapsed": 2})
    content["segments"]["shops"].pop("stages")
    twin = build(parse(content))
    who = twin.population(3, 1)
    terminal = [
        Market(twin, AsToday(), who, threads=threads, shards=number).run().terminal
        for threads, number in ((1, 1), (1, shards), (2, shards))
    ]
    assert terminal[0] == terminal[1] == terminal[2] > 0


def test_who_is_followed_changes_nothing() -> None:
    """Lives are the same whoever is written down, and a customer's own line does not depend on who else is."""
    twin = busy("silent", "none")
    who = twin.population(4, 0)

    def run(followed: Ints | None) -> History:
        return Market(twin, Reacting(twin.scenario), who, money_for(twin), seed=4, trace=followed).run()

    everybody, some, nobody = run(np.arange(who.size)), run(np.array([700, 3, 41])), run(None)
    assert nobody.trace is None
    assert everybody.trace is not None
    assert some.trace is not None
    without = {name: value for name, value in bits(everybody).items() if not name.startswith("trace")}
    assert different(without, bits(nobody)) == []
    for name in ("state", "purchases", "revenue", "event"):
        np.testing.assert_array_equal(getattr(some.trace, name), getattr(everybody.trace, name)[:, [700, 3, 41]])
    assert some.trace.identity.tolist() == who.identity[[700, 3, 41]].tolist()
    assert some.trace.segment == tuple(twin.targets.segments[twin.cohort_group[who.cohort[i]]] for i in (700, 3, 41))


# --- Sums of money in integers ---


BUSY: dict[str, tuple[Content, Content]] = {
    # traits and levers, and other keys of the scenario
    "page views": ({"purchase_rate": 20000.0, "defection_rate": 0.02, "spend": 0.001}, {"terminal": "none"}),
    "weekly groceries": (
        {"purchase_rate": 20.0, "defection_rate": 0.0002, "spend": 8.0},
        {"period": "week", "discount_rate": 0.02, "margin": 0.3},
    ),
    "costly to serve": (
        {"purchase_rate": 100.0, "defection_rate": 0.02, "spend": 0.001},
        {"cost_to_serve": {"per_customer": 0.5, "per_purchase": 0.0}},
    ),
    "yachts": ({"purchase_rate": 0.1, "defection_rate": 0.02, "spend": 1e9}, {}),
}


@pytest.mark.parametrize("name", BUSY)
def test_no_sum_of_money_runs_over(name: str) -> None:
    """However much or little is bought and left: revenue and asset stay those of the fluid twin."""
    traits, more = BUSY[name]
    levers = {
        "x": {
            "targets": ["new"], "reference": 0.0,
            "moves": {"amount": {"shape": "piecewise-linear", "points": [[0, -0.9], [1, 5]]}},
        }
    }  # fmt: skip
    content = {"name": name, "periods": 3, "segments": {"a": {"start": {"new": 400}, "traits": traits}}, **more}
    twin = build(parse({**content, "levers": levers}))
    expected = expected_history(twin.chain, as_today(twin.chain))
    history = Market(twin, AsToday(), twin.population(0, 0)).run()
    tolerance = 5 * float(np.sqrt(1 / max(expected.purchases.sum(), 1) + 1 / 400))
    assert history.revenue.sum() == pytest.approx(expected.revenue.sum(), rel=tolerance)
    ours, theirs = (customer_asset(each, twin.chain.discount_rate).total for each in (history, expected))
    assert ours == pytest.approx(theirs, rel=tolerance)
    assert np.abs(history.revenue * twin.money_units).max() < 2**56
