"""Files that nobody wrote, a few of each kind from stored seeds; `python -m benchmarks.fuzz` tries many."""

from pathlib import Path

import pytest

from benchmarks.fuzz import KINDS, mutated, tried
from sim.errors import InputError

LONG = ("plan", "plan as table", "plan as workbook", "saved market", "evidence", "answers", "split", "table of counts")
"""Kinds whose good file takes seconds to make, or each reading a tenth of one."""


@pytest.mark.parametrize("name", [pytest.param(each, marks=[pytest.mark.slow] * (each in LONG)) for each in KINDS])
def test_changed_files_are_read_or_refused_in_a_line(name: str) -> None:
    assert tried(name, 100 if name in LONG else 6, number=17) >= 6


def test_what_a_user_must_not_see_is_a_failure(monkeypatch) -> None:
    """A traceback, a changed datum taken, a message without end, a part left behind."""
    from benchmarks import fuzz

    def of(read, **more):
        monkeypatch.setitem(KINDS, "coins", fuzz.Kind("a.txt", lambda _: b"heads " * 40, read, **more))
        return tried("coins", 10)

    def raised(error):
        def read(path):
            if path.read_bytes() != b"heads " * 40:
                raise error

        return read

    def leaves(path):
        path.with_name(".a.part").touch()

    assert of(raised(InputError("no coins"))) > 0
    with pytest.raises(KeyError):
        of(raised(KeyError("traceback")))
    with pytest.raises(AssertionError, match="taken for what was written"):
        of(lambda path: path.read_bytes(), summed=True)
    with pytest.raises(AssertionError, match="left behind"):
        of(leaves)
    assert mutated(b"abc", [("flip", 0.5, 0.0, b"")]) == b"acc"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").is_file(), reason="the most of a reading alone is known on Linux")
def test_memory_is_that_of_the_reading_and_not_of_what_was_before(monkeypatch) -> None:
    from benchmarks import fuzz

    def reads(size):
        monkeypatch.setitem(
            KINDS, "coins", fuzz.Kind("a.txt", lambda _: b"heads " * 40, lambda _: len(bytearray(size)))
        )
        return tried("coins", 3)

    assert len(bytearray(300_000_000)) == 300_000_000
    monkeypatch.setattr(fuzz, "MEMORY", 200_000_000)
    assert reads(1000) > 0
    with pytest.raises(AssertionError, match=r"took 0\.3 GB"):
        reads(300_000_000)
