"""Headline figures of every example stay as they are until the changelog says why they move."""

import json

import pytest

from benchmarks import headlines
from benchmarks.headlines import ALONE, EXAMPLES, FILE, changelog, explained, moved, of_a_plan, of_today

HELD = json.loads(FILE.read_text(encoding="utf-8"))
QUICK = (ALONE, "bank")
"""Whose plans take a moment; all others' are made among the slow tests."""
HOW = "moved: say why in CHANGELOG.md, then python -m benchmarks.headlines --because 'words of that bullet'"


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_customers_are_worth_as_today_stays(name: str) -> None:
    held, figures = HELD[name]["figures"], of_today(name)
    assert moved({key: held[key] for key in figures}, figures) == [], HOW


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in [ALONE, *EXAMPLES]]
)
def test_what_plans_are_worth_stays(name: str) -> None:
    held, figures = HELD[name]["figures"], of_a_plan(name)
    planned = {key: value for key, value in held.items() if not key.startswith("as_today")}
    assert moved(planned, figures) == [], HOW


def test_every_example_is_held_and_its_reason_is_in_the_changelog() -> None:
    assert sorted(HELD) == sorted([ALONE, *EXAMPLES])
    for name, each in HELD.items():
        assert explained(each["because"], [name], changelog()) == [], f"{name}: {each['because']!r}"


def test_what_moves_is_written_with_its_reason_alone(monkeypatch, tmp_path, capsys) -> None:
    """Refused without a bullet that names the example; with it the file holds the new figures, and nothing else."""
    file, log = tmp_path / "tests" / "data" / "headlines.json", tmp_path / "CHANGELOG.md"
    file.parent.mkdir(parents=True)
    held = {"bank": {"because": "first", "figures": {"as_today": 100.0, "plan": 200.0}}}
    file.write_text(json.dumps(held), encoding="utf-8")
    log.write_text("## [Unreleased]\n- Ties break\n  evenly (examples/price).\n## [0.1]\n- Banks close early: bank.\n")
    monkeypatch.setattr(headlines, "ROOT", tmp_path)
    monkeypatch.setattr(headlines, "FILE", file)
    monkeypatch.setattr(headlines, "of_today", lambda _: {"as_today": 100.0 * (1 + 1e-8)})
    monkeypatch.setattr(headlines, "of_a_plan", lambda _: {"plan": 200.0 * (1 + 1e-7)})

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["headlines", *words])
        return headlines.main(), capsys.readouterr().out

    for because in ("", "ties break", "banks close early"):  # none, another example's, a release's
        code, out = run("bank", "--because", because)
        assert code == 1
        assert "as_today: 100 -> 100.000001" in out
        assert "plan" not in out.partition("no bullet")[0]
        assert json.loads(file.read_text(encoding="utf-8")) == held
    log.write_text("## [Unreleased]\n- Ties break\n  evenly (examples/bank).\n", encoding="utf-8")
    assert run("bank", "--because", "ties break evenly")[0] == 0
    now = json.loads(file.read_text(encoding="utf-8"))["bank"]
    assert now["because"] == "ties break evenly"
    assert now["figures"] == pytest.approx({"as_today": 100.000001, "plan": 200.00002}, rel=1e-12)
    assert run("bank")[0] == 0  # nothing moves: no reason is asked for
