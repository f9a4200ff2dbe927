"""The plain market with everything switched on: all of it happens, and nothing in it is idle."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from everything import EVERYTHING, LAWS, PER_PERIOD, TOTAL, everything
from markets import Content
from plain.crowd import born
from plain.market import PlainMarket
from plain.people import Person
from plain.record import Heads, Lives, Money, Policy
from players import wanted

from sim.engine import agent_kernels, random_streams
from sim.scenario.customers import Quality
from sim.scenario.file import STAGES, Gamma, GammaGamma, Scenario, parse


def thrifty(scenario: Scenario) -> Policy:
    """Return the policy that wants the above, scaled back by one factor to what may be spent."""

    def decide(period: int, heads: Heads, available: float) -> Money:
        money = wanted(scenario, period)
        paid = {cell for cell in money if scenario.levers[cell[2]].pays == "budget"}
        asked = sum(money[cell] * heads[cell[:2]] for cell in paid)
        return {cell: money[cell] * (min(1.0, available / asked) if cell in paid else 1.0) for cell in money}

    return decide


def somebody(scenario: Scenario, every: int = 1) -> list[Person]:
    """Return people of every segment, one in ``every``, with traits and states drawn by NumPy."""
    rng = np.random.default_rng(11)
    people: list[Person] = []
    for name, segment in scenario.segments.items():
        traits, kinds = segment.traits, segment.quality
        assert traits is not None
        starts = [(truth, -1) for truth, number in segment.start.items() for _ in range(round(number))]
        for period in range(scenario.periods):
            starts += [(truth, period) for truth, n in segment.births.items() for _ in range(born(n, period))]
        for identity, (truth, birth) in enumerate(starts[::every]):
            quality = int(rng.choice(len(kinds), p=[kind.share for kind in kinds])) if kinds else 0
            kind = kinds[quality] if kinds else Quality(share=1)
            rate, leaving = (
                rng.gamma(law.shape, 1 / law.rate) if isinstance(law, Gamma) else law
                for law in (traits.purchase_rate, traits.defection_rate)
            )
            spend = traits.spend
            mean = spend.p * spend.gamma / rng.gamma(spend.q) if isinstance(spend, GammaGamma) else spend
            person = Person(identity, name, truth, rate * kind.purchase_rate, leaving, mean * kind.spend)
            person.quality = quality
            if truth == "new":
                person.truth, person.bought = "alive", 1
                if scenario.satisfaction is not None:
                    person.level = 1 + int(rng.choice(5, p=scenario.satisfaction.mix))
                if scenario.links is not None:
                    person.ties = int(rng.choice(4, p=scenario.links.mix))
            if birth >= 0:
                person.truth, person.birth, person.starts = "to come", birth, truth
            people.append(person)
    return people


def plain(content: Content, every: int = 1) -> Lives:
    """Return the lives of these people in a market."""
    scenario = parse(content)
    market = PlainMarket(
        scenario,
        thrifty(scenario),
        somebody(scenario, every),
        seed=5,
        replication=1,
        money_units=2.0**30,
        total=TOTAL / every,
        per_period=PER_PERIOD / every,
    )
    return market.run()


@pytest.mark.parametrize("law", LAWS)
def test_everything_happens_somewhere(law: str) -> None:
    """The big market knows every event and every move, and its bounds bind here and not there."""
    lives = plain(everything(law))
    events: Counter[str | None] = Counter()
    moves: set[tuple[str, int]] = set()
    for before, happened, after in zip(lives.states[:-1], lives.happened, lives.states[1:], strict=True):
        events.update(each.event for each in happened)
        for now, then in zip(before, after, strict=True):
            if now.truth == then.truth == "alive":
                moves |= {("level", then.level - now.level), ("ties", then.ties - now.ties)}
    assert all(events[name] > 100 for name in agent_kernels.EVENTS), events
    assert moves == {(what, move) for what in ("level", "ties") for move in (-1, 0, 1)}
    assert {state.truth for state in lives.states[-1]} == {"unaware", "prospect", "alive", "gone", "lost"}
    never = {"declining"} if law == "renewal" else set()
    assert {state.stage for row in lives.states for state in row} == {"", *STAGES} - never
    factors = [account.factor for account in lives.accounts]
    assert 0 < min(f for f in factors if f > 1e-9) < max(f for f in factors if f < 1) < 1 == max(factors)
    assert lives.accounts[-1].unspent == pytest.approx(0, abs=1e-6)
    reacting = [account.reactions[0 if law == "renewal" else 2] for account in lives.accounts]
    assert len({round(factor, 9) for factor in reacting}) > 4
    most = max(happened.purchases for row in lives.happened for happened in row)
    assert most == 1 if law == "renewal" else most > random_streams.AMOUNT_ROWS


def without(*path: Any) -> list[Any]:
    """Return a change: the key at the end of a path is not stated."""
    return [*path, None]


OFF: list[list[Any]] = [
    *(without("levers", name) for name in EVERYTHING["levers"]),
    *(
        without("levers", name, "moves", effect)
        for name, lever in EVERYTHING["levers"].items()
        for effect in (lever["moves"] if len(lever["moves"]) > 1 else ())
    ),
    *(
        without("levers", name, key)
        for name, lever in EVERYTHING["levers"].items()
        for key in ("by_segment", "reach", "lead_time", "duration", "committed", "saturation")
        if key in lever
    ),
    *(without("competitors", i) for i in range(3)),
    *(without("competitors", *where) for where in ((0, "end"), (0, "segments"), (2, "reaction"), (2, "most"))),
    *(without("shocks", i) for i in range(7)),
    *(
        without("shocks", *where)
        for where in ((0, "end"), (6, "end"), (1, "segments"), (4, "segments"), (6, "segments"))
    ),
    *(without(key) for key in ("seasons", "word_of_mouth", "loss", "stages", "margin", "cost_to_serve")),
    *(without("segments", "shops", key) for key in ("stages", "margin", "cost_to_serve", "loss", "value_to_customer")),
    without("segments", "households", "quality", 0, "acquisition"),
    without("segments", "households", "quality", 1, "cost_to_serve"),
    without("segments", "households", "quality", 2, "bad_debt"),
    without("cost_to_serve", "per_customer"),
    without("cost_to_serve", "per_purchase"),
    *(
        without("satisfaction", key)
        for key in ("mobility", "defection_per_level", "purchase_rate_per_level", "amount_per_level")
    ),
    ["satisfaction", "entry", 5],
    *(without("employees", key) for key in ("start", "reversion", "bring")),
    ["employees", "bring", 0],
    ["employees", "points", 4.0],
    *(["employees", "turnover", key, 0.09] for key in ("usual", "falls", "per_customer", "cost")),
    *(without("links", key) for key in ("gain", "turnover", "follow", "defection_per_link")),
    ["word_of_mouth", 0.5],
    ["share_of_customer", 0.8],
    ["law", "contractual"],
]


@pytest.mark.slow
def test_every_mechanism_moves_somebody() -> None:
    """In the big market no part could be left out unnoticed: without it lives or accounts are other ones."""

    def figures(content: Content) -> tuple[Any, ...]:
        lives = plain(content, every=4)
        return lives.states, lives.happened, lives.employees, [account.reward for account in lives.accounts]

    usual = figures(everything())
    unnoticed = []
    for *path, key, value in OFF:
        content = everything()
        where: Any = content
        for step in path:
            where = where[step]
        if value is None:
            del where[key]
        else:
            where[key] = value
        if figures(content) == usual:
            unnoticed.append([*path, key, value])
    assert not unnoticed
