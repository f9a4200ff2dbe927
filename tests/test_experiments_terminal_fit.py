"""What is printed fits the terminal: sentences wrap, tables break into parts, Chinese counts twice."""

import io
import sys

import pytest

from experiments.terminal.fit import fitted, fitted_output, terminal_width
from experiments.terminal.progress import remaining
from experiments.words.tables import padded, table, width_of

WORDS = "Plan A gets 2.1 times as much as plan B because it reaches more customers, although each of them buys less."


@pytest.mark.parametrize("width", [40, 61, 80])
def test_no_line_is_wider(width: int) -> None:
    wide = table(["customer segment", *(f"lever {i}" for i in range(12))], [
        [name, *(f"{i * 1234:,}" for i in range(12))] for name in ("老客户与很久没有回来的客户", "gold", "e\u0301lite")
    ])  # fmt: skip
    text = fitted(f"{WORDS}\n- {WORDS}\n\n{wide}\n\n一个没有空格的很长的中文句子" + "，继续下去" * 20, width)
    assert max(map(width_of, text.splitlines())) <= width
    for figure in range(12):
        assert f"{figure * 1234:,}" in text
        assert f"lever {figure}" in text


def test_words_stay_whole_and_in_order() -> None:
    assert " ".join(fitted(WORDS, 40).split()) == WORDS
    below = fitted(f"- {WORDS}", 40).splitlines()
    assert below[0].startswith("- Plan")
    assert all(line.startswith("  ") for line in below[1:])


def test_a_remark_below_a_table_is_said_once_and_whole() -> None:
    wide = table(["segment", *(f"lever {i}" for i in range(12))], [["gold", *("1,234" for _ in range(12))]])
    text = fitted(f"{wide}\nand 2 more with 4.57 in all (--json has them, every one of them)", 50)
    assert "and 2 more with 4.57 in all (--json has them, every one of them)" in " ".join(text.split())
    assert text.count("and 2 more") == 1


def test_what_fits_is_left_alone() -> None:
    text = table(["a", "b"], [["x", "1"], ["y", "22"]]) + "\n  code --option   two  blanks"
    assert fitted(text, 80) == text
    assert fitted('{"a": ' + "1" * 200 + "}", 80).count("\n") == 0


def test_columns_of_chinese_names_line_up() -> None:
    lines = table(["segment", "money"], [["老客户", "1"], ["gold", "22"]]).splitlines()
    assert len({width_of(line) for line in lines}) == 1
    assert width_of("老客户") == 6
    assert width_of("e\u0301") == 1
    assert padded("老客户名称", 6, cut=True) == "老客…" + " "


def test_pipes_get_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert terminal_width() is None
    with fitted_output():
        print(WORDS)
    assert out.getvalue() == f"{WORDS}\n"
    monkeypatch.setenv("COLUMNS", "50")
    with fitted_output():
        print(WORDS)
    assert max(map(len, out.getvalue().splitlines()[1:])) <= 50


def test_what_is_left_is_told_once_it_is_known() -> None:
    assert remaining(0.0, 5.0) == ""
    assert remaining(0.25, 10.0) == "about 30 s left"
    assert remaining(0.5, 600.0) == "about 10 min left"
    assert remaining(1.0, 10.0) == ""


def test_what_is_copied_stays_whole() -> None:
    """A command or an address that is broken by us has blanks inside when it is copied from the terminal."""
    command = "tenure repeat f43c7b0c7d2b41a9943940ba88ce8dfb --folder decided"
    address = "  Leaderboard  http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=leaderboard-66763b11"
    lines = fitted(f"{WORDS} Next: tenure ui, or {command}\n{address}", 40).splitlines()
    assert lines[-2:] == [f"Next: tenure ui, or {command}", address]
    assert max(map(width_of, lines[:-2])) <= 40
