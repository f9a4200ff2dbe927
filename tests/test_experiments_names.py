"""Names that try to break out: of a page (script), of a spreadsheet (formulas), of a note, of the folder."""

import sqlite3
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
import yaml
from markets import SMALL

from experiments.firm import Firm
from experiments.words.tables import markdown

FORMULA, IMAGE = '=HYPERLINK("http://elsewhere.example","y")', "<img src=x onerror=alert(2)>"
COMMAND, SCRIPT = "+cmd|' /C calc'!A0", "</script><script>alert(3)</script>"


@pytest.fixture(scope="module")
def firm() -> Firm:
    """Return a firm whose names are attempts."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    content |= {"name": "../../<script>alert(1)</script>", "periods": 1, "rules": {}}
    for part, new, old in (("segments", FORMULA, "regulars"), ("segments", IMAGE, "newcomers"),
                           ("levers", COMMAND, "winback"), ("levers", SCRIPT, "retention")):  # fmt: skip
        content[part][new] = content[part].pop(old)
    return Firm.of(content)


@pytest.mark.slow
def test_names_are_text_wherever_they_are_shown(firm: Firm, tmp_path: Path) -> None:
    """No formula of theirs in Excel or CSV, and the same plan when read again; no tag of theirs on a page."""
    plan = firm.optimize(bound_steps=0, threads=1)
    plan.save(tmp_path / "plan.xlsx")
    plan.save(tmp_path / "plan.csv")
    for sheet in openpyxl.load_workbook(tmp_path / "plan.xlsx"):
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            assert "HYPERLINK" not in str(cell.value)
            assert "cmd" not in str(cell.value)
    assert not any(
        line.split(",")[2].startswith(("=", "+", '"=')) for line in (tmp_path / "plan.csv").read_text().splitlines()
    )
    for name in ("plan.xlsx", "plan.csv"):
        assert firm.load_plan(tmp_path / name).spend.sum() == pytest.approx(plan.spend.sum(), rel=1e-9)
    firm.compare(["as today", plan], replications=1, threads=1).report(tmp_path / "report.html")
    firm.whatif().save(tmp_path / "whatif.html")
    for page in ("report.html", "whatif.html"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert "alert(3)" in text
        assert "<script>alert" not in text
        assert IMAGE not in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plan.csv", "plan.xlsx", "report.html", "whatif.html"]


def test_names_are_text_in_a_table_of_a_note() -> None:
    """No tag, no link, no picture that is fetched, no further column and no further row."""
    shown = markdown(["segment", "all"], [["![x](http://elsewhere.example/x)|2\n| <b>`x`", "1"]])
    assert len(shown.split("\n")) == 3
    last = shown.split("\n")[-1]
    assert last == r"| !\[x\](http://elsewhere.example/x)\|2 \| \<b\>\`x\` | 1 |"


def test_names_are_text_in_the_notes_of_runs(tenure, tmp_path: Path) -> None:
    """Channels of curves; the store keeps its tables whatever they are called."""
    channel = "x'); DROP TABLE runs; -- <img src=http://elsewhere.example>"
    (tmp_path / "curves.csv").write_text(f'channel,spend,response\n"{channel}",0,0\n"{channel}",10,5\n')
    code, _, err = tenure("allocate", "curves.csv", "--budget", "5", "--track")
    assert (code, err) == (0, "")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        [(note,)] = store.execute("select value from tags where key = 'mlflow.note.content'").fetchall()
    assert r"DROP TABLE runs; -- \<img src=http://elsewhere.example\>" in note
    assert "<img" not in note.replace(r"\<", "")
