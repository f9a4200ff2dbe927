"""Figures in words are rounded to the safe side and without dust."""

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiments
from experiments.words.figures import NARROW, counted, one_of, rounded_down, rounded_up
from experiments.words.figures import typeset_money as money
from experiments.words.phrases import (
    at_least,
    at_most,
    money_at_least,
    money_at_most,
    number_at_least,
    number_at_most,
    typeset_at_least,
    typeset_at_most,
)

ROUNDED = {
    "at_least", "at_most", "money_at_least", "money_at_most", "number_at_least", "number_at_most", "rounded_down",
    "rounded_up", "typeset_at_least", "typeset_at_most",
}  # fmt: skip
TEXTS = {"before", "unless_stated"}
"""Names of what is no number: a policy that is less than another, and a mark behind a stated limit."""
BEFORE = ("at least", "at most", "≥", "≤", "more than", "less than", "never below", "lack", "bound")


def test_promises_are_rounded_to_the_safe_side() -> None:
    assert at_least(0.4269) == "42\u00a0%"
    assert at_most(0.5731) == "58\u00a0%"
    assert at_least(0.0419) == "4.1\u00a0%"
    assert at_least(1.0) == "100\u00a0%"
    assert (money_at_least(1234.9), money_at_most(1234.1)) == ("1,234", "1,235")
    assert (money_at_least(-0.2), money_at_most(-0.2)) == ("-1", "0")
    assert (number_at_least(1234567.89, 7), number_at_most(1234567.19, 7)) == ("1,234,567", "1,234,568")
    assert number_at_most(1.2e-10, 1) == "2e-10"
    assert (rounded_down(0.9996, "0.01"), rounded_up(61.31, "0.1")) == (0.99, 61.4)


def test_dust_of_arithmetic_is_no_step() -> None:
    """A number that arithmetic moved off a round one by its last bits is said as that one."""
    assert at_least(0.1 + 0.2 - 0.01) == at_most(0.1 + 0.2 - 0.01) == "29\u00a0%"
    assert money_at_least(100 - 1e-12) == money_at_most(100 + 1e-12) == "100"


@given(st.floats(0, 1))
def test_a_share_that_is_said_is_never_more_than_there_is(share: float) -> None:
    low, high = (float(said(share).removesuffix(f"{NARROW}%")) / 100 for said in (at_least, at_most))
    assert share - (0.00101 if share < 0.1 else 0.0101) < low <= share + 1e-11
    assert share + (0.00101 if share < 0.1 else 0.0101) > high >= share - 1e-11


@given(st.floats(-1e12, 1e12))
def test_money_that_is_said_is_never_more_than_there_is(amount: float) -> None:
    low, high = (float(said(amount).replace(",", "")) for said in (money_at_least, money_at_most))
    assert amount - 1 < low <= amount + 1e-9
    assert amount + 1 > high >= amount - 1e-9


@given(st.floats(-1e12, 1e12) | st.floats(-200, 200))
def test_money_on_a_page_is_never_more_than_there_is(amount: float) -> None:
    low, high = (float(said(amount).replace(",", "").replace("−", "-")) for said in (typeset_at_least, typeset_at_most))
    near = 1.0 if abs(amount) >= 99 else max(abs(amount) * 0.0101, 1e-9)
    assert amount - near <= low <= amount + 1e-9 * max(near, 1)
    assert amount + near >= high >= amount - 1e-9 * max(near, 1)


@given(st.floats(-1e12, 1e12), st.integers(1, 12))
def test_a_number_that_is_said_is_never_more_than_there_is(value: float, digits: int) -> None:
    low, high = (float(said(value, digits).replace(",", "")) for said in (number_at_least, number_at_most))
    near = abs(value) * 10.0 ** (1 - digits)
    assert value - near * (1 + 1e-9) <= low <= value + 1e-9 * near + 5e-324
    assert value + near * (1 + 1e-9) >= high >= value - 1e-9 * near - 5e-324


def bounds_said(path: Path) -> list[str]:
    """Return where a module says a bound with a number that no function of :data:`ROUNDED` made."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    safe = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and called(node.value) & ROUNDED:
            safe |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    out = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, value in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue)):
                continue
            if not str(before.value).rstrip().endswith(BEFORE):
                continue
            names = {name.id for name in ast.walk(value.value) if isinstance(name, ast.Name)}
            if not called(value.value) & ROUNDED and not names & (safe | TEXTS):
                out.append(f"{path.name}:{node.lineno}: {ast.unparse(value)}")
    return out


def called(node: ast.AST) -> set[str]:
    return {call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}


def test_every_bound_is_said_through_them() -> None:
    """No sentence rounds "at least" or "at most" by itself."""
    modules = sorted(Path(experiments.__file__).parent.rglob("*.py"))
    assert [line for path in modules for line in bounds_said(path)] == []


@pytest.mark.parametrize("text", ['f"at least {x:.1%}"', 'f"no more than {round(y)}"', 'f"≥ {z}"'])
def test_a_bound_of_ones_own_is_found(text: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(f"said = {text}\n", encoding="utf-8")
    assert len(bounds_said(module)) == 1


def test_dust_of_arithmetic_is_no_money() -> None:
    """What a policy leaves of 1e-56 on a lever is shown as nothing; small prices are not."""
    assert money(9.48e-56) == money(-1e-30, signed=True) == money(0.0) == "0"
    assert money(0.00123) == "0.00123"
    assert money(math.nan) == "–"


def test_one_thing_is_called_one() -> None:
    assert [counted(number, "customer") for number in (0, 1, 1200)] == ["0 customers", "1 customer", "1,200 customers"]
    for text, wanted in {
        "1 rows are left out": "1 row is left out",
        "a.csv: 1 rows without an id": "a.csv: 1 row without an id",
        "1 customers have none, 21 rows are bad": "1 customer has none, 21 rows are bad",
        "1,001 rows are, 0.1 rows": "1,001 rows are, 0.1 rows",
        "1 ids differ": "1 id differs",
    }.items():
        assert one_of(text) == wanted
