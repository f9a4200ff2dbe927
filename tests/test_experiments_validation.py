"""Published results on one command: every row agrees, one that does not is seen, the page says the same."""

import json
from pathlib import Path

import pytest

from experiments.validation.run import STUDIES, validate
from sim.customers.published import PublishedFigure
from sim.errors import InputError

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
QUICK = [study.name for study in STUDIES if not study.slow and study.name != "CDNOW purchases"]
"""Those purchases are fitted in test_sim_customers_published_results.py."""


def test_every_figure_agrees_and_the_page_says_so(tenure) -> None:
    code, out, err = tenure("validate", *QUICK, "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert all(set(row) == {"name", "published", "computed", "tolerance", "ok"} for row in rows)
    assert all(row["ok"] and abs(row["computed"] - row["published"]) <= row["tolerance"] * (1 + 1e-9) for row in rows)
    page = PAGE.read_text(encoding="utf-8")
    found = validate(*QUICK)
    assert len(found.rows) == len(rows) > 40
    for row in found.rows:
        assert f"| {row.name} | {row.printed} | " in page
    assert "| NO |" not in page
    assert {f"## {study.name[0].upper()}{study.name[1:]}" for study in STUDIES} <= set(page.splitlines())


def test_a_figure_that_does_not_agree_is_told_and_ends_with_1(tenure, monkeypatch) -> None:
    from experiments.validation import run

    wrong = run.Study("coins", "nobody, 2000", (PublishedFigure("heads", ".50"),), lambda: {"heads": 0.4949})
    monkeypatch.setattr(run, "STUDIES", (wrong,))
    code, out, _ = tenure("validate")
    assert code == 1
    assert "heads" in out
    assert "NO" in out
    assert "0 of 1 published figures agree" in out


def test_slow_studies_are_named_when_left_out(monkeypatch) -> None:
    from experiments.validation import run

    coins = run.Study("coins", "nobody, 2000", (PublishedFigure("heads", ".5"),), lambda: {"heads": 0.5}, slow=True)
    monkeypatch.setattr(run, "STUDIES", (coins,))
    assert validate().left == ("coins",)
    assert validate(slow=True).ok
    with pytest.raises(InputError, match="'dice': no such study; expected one of coins"):
        validate("dice")
