"""Commands that die or cannot write, at a few moments by a stored seed; `python -m benchmarks.faults` tries many."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import KINDS, VERBS, Moment, check_end
from benchmarks.left_behind import Ended, Whole, check_left

ROOT = Path(__file__).parents[1]


def tried(*words: str) -> str:
    """Return what the benchmark prints, in a process of its own: it forks."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", *words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_base_that_cannot_be_written_is_whole_or_absent() -> None:
    """The disk is full when DuckDB writes what it kept in its log, which closing it would not say."""
    assert "2 moments" in tried("base load", "--kinds", "full", "--moments", "2", "--seed", "0")


@pytest.mark.slow
@pytest.mark.parametrize("verb", [each for each in VERBS if each != "demo"])
def test_what_dies_leaves_nothing_half_there_and_goes_on(verb: str) -> None:
    tried(verb, "--moments", str(len(KINDS)), "--seed", "17")


def test_what_a_user_must_not_see_is_a_failure(tmp_path: Path) -> None:
    moment = Moment("fail", 1, 0.5)
    check_end(Ended(2, "", "tenure: cannot write\n", ()), moment)
    for bad in (
        Ended(1, "", "Traceback (most recent call last)\n", ()),
        Ended(2, "", "", ()),
        Ended(2, "", "tenure: one\ntenure: two\n", ()),
        Ended(0, "", "overflow encountered\n", ()),
        Ended(-9, "", "", ()),
    ):
        with pytest.raises(AssertionError):
            check_end(bad, moment)
    whole = Whole(("coins",), Ended(0, "", "", ()), None, {"a.txt"}, {"a.txt": "heads tails"}, None, 0, 0)
    (tmp_path / "a.txt").write_text("heads ")
    with pytest.raises(AssertionError, match="says something else"):
        check_left(tmp_path, whole)
    (tmp_path / "a.txt").write_text("heads tails")
    check_left(tmp_path, whole)
    (tmp_path / "b.txt").touch()
    with pytest.raises(AssertionError, match="left behind"):
        check_left(tmp_path, whole)
