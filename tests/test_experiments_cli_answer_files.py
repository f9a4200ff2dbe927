"""Whatever a command says goes into a file with ``-o``, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markets import SMALL, orders

Run = Callable[..., tuple[int, str, str]]


def test_an_answer_is_written_as_it_is_printed_or_as_json(tenure: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(SMALL.read_bytes())
    printed, plain = tenure("check", "small.yaml")[1], tenure("check", "small.yaml", "--json")[1]
    assert tenure("check", "small.yaml", "-o", "said.txt") == (0, "Written to said.txt.\n", "")
    assert (tmp_path / "said.txt").read_text() == printed
    assert json.loads(tenure("check", "small.yaml", "-o", "said.json", "--json")[1]) == {"file": "said.json"}
    assert (tmp_path / "said.json").read_text() == plain


@pytest.mark.parametrize("words", [("check", "missing.yaml"), ("trace", "small.yaml", "--segment", "nobody")])
def test_nothing_is_written_where_there_is_no_answer(words: tuple[str, ...], tenure: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(SMALL.read_bytes())
    code, out, _ = tenure(*words, "-o", "said.txt")
    assert (code, out) == (2, "")
    assert not (tmp_path / "said.txt").exists()


def test_an_input_is_not_written_over(tenure: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(SMALL.read_bytes())
    code, _, err = tenure("check", "small.yaml", "-o", "small.yaml")
    assert code == 2
    assert "reads or writes it already" in err
    assert (tmp_path / "small.yaml").read_bytes() == SMALL.read_bytes()


def test_every_row_of_a_query_is_written(tenure: Run, tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv")
    assert tenure("base", "load", "orders.csv", "-o", "base.duckdb")[0] == 0
    sql = "SELECT customer_id, count(*) AS n FROM purchases GROUP BY 1 ORDER BY 1"
    code, out, _ = tenure("base", "query", sql, "base.duckdb", "-o", "rows.csv")
    assert (code, out) == (0, "400 rows written to rows.csv.\n")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("customer_id,n", 401)
