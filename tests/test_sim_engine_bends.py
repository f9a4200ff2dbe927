"""A worth inside the cells of a grid lies above straight lines between their corners by no more than is said."""

import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.arrays import Floats
from sim.engine import bend_spans_kernels as spans_kernels
from sim.engine.bends import STRAIGHT_FROM, multiplier_of, straight_survival
from sim.engine.paths import gains_of
from sim.engine.ways import Ways
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]

LIVING = ["new", "developing", "core", "declining"]
RANGES = {
    "survival": (0.02, 0.98), "purchase_rate": (0.0, 1.5), "amount": (0.0, 0.8), "satisfaction": (0.0, 0.8),
    "annoyance": (0.0, 0.8), "leaving": (0.0, 0.5), "preference": (0.0, 2.0), "links": (0.0, 0.9),
    "knowledge": (0.0, 0.6), "acquisition": (0.0, 0.9), "reactivation": (0.0, 0.4), "awareness": (0.0, 0.5),
}  # fmt: skip
FROM_NOTHING = ("annoyance", "leaving")
TOGETHER = [
    ["satisfaction", "annoyance"], ["survival", "purchase_rate"], ["purchase_rate", "amount"], ["survival", "leaving"],
    ["preference", "amount"], ["links", "survival"], ["links", "knowledge"], ["purchase_rate", "leaving"],
    ["survival", "purchase_rate", "amount"], ["satisfaction", "survival", "annoyance"], ["links", "annoyance"],
    ["purchase_rate", "annoyance"], ["preference", "purchase_rate"], ["amount", "survival"],
]  # fmt: skip


def market(seed: int) -> Content:
    """Return two levers on the living, one of which moves several things, and prospects and lapsed who may be won."""
    rng = np.random.default_rng(seed)
    together = TOGETHER[seed % len(TOGETHER)]
    rates = {"purchase_rate", "preference"}
    law = str(rng.choice(["silent", "contractual"] if rates & set(together) else ["silent", "renewal"]))
    alone = str(rng.choice(["survival", "annoyance", "links", "leaving", *["purchase_rate"] * (law != "renewal")]))
    pays = str(rng.choice(["budget", "budget", "price"]))
    levers: Content = {}
    for name, moved in (
        ("first", together),
        ("second", [alone]),
        ("offer", ["acquisition"]),
        ("call", ["reactivation"]),
    ):
        moves = {}
        for effect in moved:
            low, high = RANGES[effect]
            high = low + (high - low) * float(rng.uniform(0.3, 1.0))
            spend = float(np.exp(rng.uniform(-1.5, 1.5)))
            steep = {"shape": "adbudg", "steepness": float(rng.uniform(0.7, 4.0))} if rng.random() < 0.5 else {}
            brings = low + float(rng.uniform(0.2, 0.8)) * (high - low)
            moves[effect] = {"without_money": low, "unlimited_money": high, "spend": spend, "brings": brings, **steep}
        free = not set(moved) & set(FROM_NOTHING)
        targets = {"offer": ["prospect"], "call": ["lapsed"]}.get(name, LIVING)
        reference = float(np.exp(rng.uniform(-1.0, 1.0))) if free else 0.0
        levers[name] = {"targets": targets, "reference": reference, "moves": moves}
    if pays == "price" and not set(together) & {*FROM_NOTHING, "survival"}:
        levers["first"] |= {"pays": "price"}
    shape = float(np.exp(rng.uniform(-2.0, 1.0)))
    return {
        "name": f"bends {seed}", "periods": 2, "margin": float(rng.uniform(0.2, 0.9)), "loss": 0.05,
        "law": law, "stages": {"core": 3, "declining": 1, "lapsed": 2},
        "satisfaction": {"mix": [0.1, 0.15, 0.3, 0.25, 0.2], "mobility": float(rng.uniform(0.2, 0.9)),
                         "defection_per_level": 0.3, **({} if law == "renewal" else {"purchase_rate_per_level": 0.1})},
        "links": {"mix": [0.4, 0.3, 0.2, 0.1], "gain": 0.2, "turnover": 0.1, "follow": 0.3, "defection_per_link": 0.2},
        **({"share_of_customer": 0.4} if law != "renewal" else {}), "cost_to_serve": {"per_purchase": 2.0},
        "segments": {
            "all": {
                "start": {"new": 100, "prospect": 100},
                "traits": {"purchase_rate": 1 if law == "renewal" else {"shape": 1.5, "rate": 1.0}, "spend": 20.0,
                           "defection_rate": {"shape": shape, "rate": shape / float(rng.uniform(0.03, 0.5))}},
            }
        },
        "levers": levers,
    }  # fmt: skip


def places_of(ways: Ways, place: tuple[int, int, int], intensity: Floats) -> list[float]:
    """Return where intensities lie along the dimensions of a target's grid."""
    found = []
    for one in ways.dimensions[place]:
        if one.channel is None:
            money, along = ways._along(place[1], one.uses[0])
            found.append(float(np.interp(intensity[one.uses[0].number], money, along[: money.size])))
        else:
            gain = sum(gains_of(use, one.channel, intensity[use.number]) for use in one.uses)
            found.append(float(ways._value(place[1], one.channel, np.asarray(gain))))
    return found


@cache
def beyond(seed: int, coarse: bool, tries: int = 6) -> tuple[float, float]:
    """Return by how much worths lie above what is said at most, and the largest share of what is said that is there.

    Of random values of what is to come and random intensities.
    """
    chain: Any = build(parse(market(seed))).chain
    ways, rng = Ways(chain, whole=True, coarse=coarse), np.random.default_rng(seed)
    bends = ways.bends(0, chain.group.size)
    odds, earned = ways.odds()
    space, worst, used = chain.space, -np.inf, 0.0
    laws = {int(law): int(np.flatnonzero(chain.block_law[0] == law)[0]) for law in np.unique(chain.block_law[0])}
    for _ in range(tries):
        after, unit = rng.normal(size=space.kind.size) * 100 + 100 * (space.kind == 2) * rng.normal(), 0.9
        money = np.exp(rng.uniform(-4, 4, chain.targets.shape[2])) * (rng.random(chain.targets.shape[2]) < 0.9)
        money = np.minimum(money, chain.limit[0].max(axis=0))
        for one in itertools.chain(*ways.dimensions.values()):
            if one.channel is None:  # what lies between samples of its curves is taken as straight
                known = ways._along(0, one.uses[0])[0]
                number = one.uses[0].number
                money[number] = known[min(np.searchsorted(known, money[number]), known.size - 1)]
        step = chain.step(chain.environment[0], money[None, None] * chain.targets.allowed)
        for law, state in laws.items():
            place = (0, 0, int(space.law_stage[law]))
            kind, goes = int(space.law_kind[law]), space.successor[state]
            at, edges = places_of(ways, place, money), [one.edge for one in ways.dimensions[place]]
            if not edges:
                continue
            cell = [
                int(np.clip(np.searchsorted(e, x, side="right") - 1, 0, e.size - 2))
                for e, x in zip(edges, at, strict=True)
            ]
            share = [
                min(max((x - e[k]) / (e[k + 1] - e[k]), 0.0), 1.0) for e, x, k in zip(edges, at, cell, strict=True)
            ]
            shape = [e.size for e in edges]
            for b in range(0, chain.group.size, 7):
                spans = np.zeros(spans_kernels.SPANS)
                earns, served = bends.money[0, b, law], bends.served[b]
                if kind == 2:
                    told = tuple(bends.kinds.tolist())
                    spans_kernels.spans_of(goes, after, told, unit, earns, served, (1.0, 1.0), spans)
                else:
                    spans_kernels.spans_of_entry(kind, goes, after, bends.entry, bends.loss, unit, earns, served, spans)
                allowed = sum(bends.above[0, b, law, i, k] @ spans for i, k in enumerate(cell))
                lines = 0.0
                for corner in itertools.product((0, 1), repeat=len(edges)):
                    p = int(np.ravel_multi_index([k + c for k, c in zip(cell, corner, strict=True)], shape))
                    weight = np.prod([s if c else 1 - s for s, c in zip(share, corner, strict=True)])
                    lines += weight * (unit * earned[0, b, law, p] + odds[0, b, law, p] @ after[goes])
                worth = unit * step.reward[b, law] + step.probability[b, law] @ after[goes]
                size = np.abs(after).max() + abs(unit * step.reward[b, law])
                worst = max(worst, (worth - lines - allowed) / size)
                if allowed > 1e-9 * size:
                    used = max(used, (worth - lines) / allowed)
    return worst, used


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 30))])
def test_no_worth_lies_above_what_is_said(seed: int) -> None:
    assert max(beyond(seed, coarse=True)[0], beyond(seed, coarse=False)[0]) <= 1e-8


def test_what_is_said_is_not_far_above() -> None:
    """Somewhere more than half of what is allowed is there."""
    assert max(beyond(seed, coarse=True)[1] for seed in range(3)) > 0.5


def test_places_along_survival_lead_back_to_multipliers() -> None:
    gain = np.linspace(-9.0, 5.0, 200)
    place = straight_survival(gain, 0.1)
    assert (np.diff(place) > 0).all()
    np.testing.assert_allclose(multiplier_of(place, 0.1), np.exp(-gain), rtol=1e-9)
    straight = place >= STRAIGHT_FROM
    np.testing.assert_allclose(place[straight], np.exp(-0.1 * np.exp(-gain[straight])))
