"""What is told of keeping customers: computed on the examples by closed forms where there are any, as the page says."""

import math
import re

import pytest
from markets import ROOT

from benchmarks.retention import FACTS, PAGE, content_of, five_points, fourth_year, page_of, winning_and_keeping


def numbers(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"[+-]?\d[\d,]*(?:\.\d+)?", text)]


def test_a_customer_just_won_of_the_subscription_by_hand() -> None:
    """Ten renewals of r = .4 or .45, each 50 at its period's account, less 8 a head; then as today for ever."""
    content = content_of("subscription")
    d = 0.12

    def worth(r: float) -> float:
        return sum(r ** (t + 1) * 50 / (1 + d) ** t - 8 * r**t / (1 + d) ** t for t in range(400))

    r = math.exp(-content["segments"]["prospects a"]["traits"]["defection_rate"])
    assert f"is worth {worth(r + 0.05) / worth(r) - 1:+.0%}" in five_points("subscription").found


def test_a_fourth_year_of_the_bank_by_hand() -> None:
    """Survivors of Gamma(2, 9); 30, then 42, 44 and 49 a year while they are there, by the means of ``S(t)``."""
    times = numbers(fourth_year("bank").found)[0]
    assert 49 / 30 < times < 1.1 * 49 / 30  # those of the fourth year leave less within it


def test_winning_one_more_of_the_subscription_is_its_curves_slope() -> None:
    """At 5 of 20 %: k = ln 2/5, f' = .4 k/2, so 36.1 for the next one; kept: k = -ln(3/7)/8, 1/(.3 k) = 31.5."""
    found = numbers(winning_and_keeping("subscription", "acquisition", "retention").found)
    assert found[0] == pytest.approx(25.0, abs=0.06)
    win, keep = 1 / (0.4 * math.log(2) / 5 * 0.5), 1 / (0.3 * -math.log(3 / 7) / 8)
    assert found[3] == pytest.approx(win, rel=0.03)
    assert found[4] == pytest.approx(keep, rel=0.03)


@pytest.mark.slow
def test_the_page_is_what_is_computed() -> None:
    assert PAGE == ROOT / "docs" / "retention.md"
    assert PAGE.read_text(encoding="utf-8") == page_of([fact() for fact in FACTS])
