"""Every policy on every example: none raises, and none gives a customer, a lever or a period more than it may."""

import re
from pathlib import Path

import pytest

from experiments.chosen import chosen_policies
from optimizer.ask.kept import broken_rules
from policies.catalogue import names
from sim.market.expected import expected_course
from sim.scenario.file import load
from sim.twin import Twin, build

EXAMPLES = sorted(path for path in Path("examples").glob("*/scenario.yaml") if path.parent.name != "cdnow")
"""All but the one whose customer base a user makes first."""
SEARCHING = ("rolling horizon", "tuned")
"""Policies that take their time."""
KEPT = re.compile(r"(most of .* a head|contacts) in period \d+|cap of .*|budget( of period \d+| )")
"""Rules that every policy can keep by what it sees, whatever its money is for."""


def broken(twin: Twin, name: str, *, equal_money: bool = False) -> list[str]:
    """Return the rules of a customer, lever or period that a policy breaks as it is played."""
    total, [chosen] = chosen_policies(
        [name], twin, lambda *_: pytest.fail("no file is named"), None, equal_money=equal_money
    )
    found = broken_rules(twin, total, expected_course(twin, chosen.policy, chosen.purse))
    return [f"{each.rule} {each.when}" for each in found if KEPT.fullmatch(f"{each.rule} {each.when}")]


@pytest.mark.parametrize("example", ["recency-chain", "planning"])
def test_no_rule_of_thumb_gives_a_customer_more_than_it_may(example: str) -> None:
    """One has a dearest action, the other a most of contacts; where all may get no more, money is left."""
    twin = build(load(f"examples/{example}/scenario.yaml"))
    quick = [name for name in names() if name not in SEARCHING]
    assert {name: broken(twin, name) for name in quick} == {name: [] for name in quick}


@pytest.mark.parametrize("name", ["even split", "share of revenue", "bandit"])
def test_equal_money_gives_no_customer_more_than_it_may(name: str) -> None:
    """What is scaled up to a budget that they cannot use stops where all have what they may get."""
    for example in ("recency-chain", "planning"):
        assert broken(build(load(f"examples/{example}/scenario.yaml")), name, equal_money=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_no_policy_breaks_what_it_could_keep(path: Path) -> None:
    twin = build(load(path))
    assert {name: broken(twin, name) for name in names()} == {name: [] for name in names()}
