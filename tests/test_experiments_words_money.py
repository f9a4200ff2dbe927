"""Money as the terminal prints it: whole where it is large, with its digits where it is small."""

import pytest

from experiments.words.figures import money


@pytest.mark.parametrize(
    ("amount", "options", "said"),
    [
        (1_234_567.8, {}, "1,234,568"),
        (12.4, {}, "12"),
        (1.234, {}, "1.23"),
        (0.05, {}, "0.05"),
        (0.0012345, {}, "0.00123"),
        (-0.05, {}, "-0.05"),
        (0.0, {}, "0"),
        (0.3, {"among": 1e6}, "0"),
        (0.0123, {"among": 0.5}, "0.012"),
        (-0.3, {"among": 1e6, "signed": True}, "0"),
        (1500, {"signed": True}, "+1,500"),
        (0.25, {"signed": True}, "+0.25"),
        (85.714, {"decimals": 2}, "85.71"),
        (300.0, {"decimals": 2}, "300"),
        (12_345.6, {"decimals": 2}, "12,346"),
        (0.04321, {"decimals": 2}, "0.0432"),
        (1e-12, {"among": 5.0}, "0"),
        (9.48e-56, {}, "0"),
    ],
)
def test_digits(amount: float, options: dict[str, float], said: str) -> None:
    assert money(amount, **options) == said  # type: ignore[arg-type]
