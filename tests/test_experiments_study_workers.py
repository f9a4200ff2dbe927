"""Who does a study's units, and bases that travel: what is sent, what is refused, and what is said of workers lost."""

import hashlib
import sys
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from experiments.study import units, workers
from experiments.study.played import Played
from experiments.study.units import LACKS_BASE, MixedVersionsError, Unit, World
from experiments.study.workers import Crew, crew
from sim.errors import FolderError, InputError, NotAsWritten, ScenarioChanged, TenureError

UNITS = [Unit(World("{}", "abc", ""), float(budget), place="home") for budget in (10, 20)]


class Given(Executor):
    """Answers each unit as it is told to, at once; what is raised where units are handed out is raised there."""

    def __init__(self, *answers: object, at_door: BaseException | None = None) -> None:
        self.answers, self.at_door, self.sent = deque(answers), at_door, []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if self.at_door is not None:
            raise self.at_door
        self.sent.append(args[1])
        future: Future[Any] = Future()
        answer = self.answers.popleft()
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


def worked(executor: Executor, make: Callable[[], Executor] | None = None) -> list[Any]:
    return [facts for _, facts in Crew(executor, make=make, size=2, threads=1).work(deque(UNITS))]


def test_a_base_is_sent_to_a_worker_that_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "files", lambda self: {"base.duckdb": b"rows"})
    pool = Given("first", LACKS_BASE, "second")
    assert worked(pool) == ["first", "second"]
    assert pool.sent == [None, None, {"base.duckdb": b"rows"}]


def test_workers_lost_before_they_take_a_unit() -> None:
    """New ones are made, and do it; where none can be made it is said why."""
    loss = BrokenExecutor("a child process terminated abruptly")
    assert sorted(worked(Given(at_door=loss), lambda: Given("one", "two"))) == ["one", "two"]
    with pytest.raises(TenureError, match=r"^the executor broke \(a child process terminated abruptly\); what was fin"):
        worked(Given(at_door=loss))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (InputError("no such lever"), InputError, "a plan in world 'home', budget 10: no such lever"),
        (MixedVersionsError("another version"), MixedVersionsError, "another version"),
        (
            ZeroDivisionError("by zero\nand more"), TenureError,
            "a plan in world 'home', budget 10: failed on its worker with ZeroDivisionError: by zero; what was "
            "finished is kept: mend that and ask again",
        ),
    ],
)  # fmt: skip
def test_a_unit_that_fails_is_named(error: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as found:
        worked(Given(error, "fine"))
    assert (type(found.value), str(found.value)) == (kind, said)


def test_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three; an executor as given; one worker, or one unit, is this process."""
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(InputError, match="`workers=` were given; give one of them"), crew(pool, workers=2):
            pass
        with crew(pool) as given:
            assert (given._executor, given._make, given._size) == (pool, None, workers.MOST_AT_ONCE)
    monkeypatch.setattr(workers, "run", lambda unit, base, threads: (unit.budget, base, threads))
    for how in ({"workers": 1, "units": 9}, {"units": 1}, {"workers": 7, "units": 0}):
        with crew(**how) as here:
            assert list(here.work(deque(UNITS[:1]))) == [(UNITS[0], (10.0, None, workers.processors()))]
    monkeypatch.setattr(workers, "run", lambda *_: 1 / 0)
    with crew(workers=1) as here, pytest.raises(TenureError, match="ZeroDivisionError"):
        list(here.work(deque(UNITS)))


class Cluster:
    """Stands in for a client of Dask."""

    threads: tuple[int, ...] = (2, 3)
    closed = 0

    def __init__(self, address: str, **how: Any) -> None:
        if "nowhere" in address:
            raise TimeoutError("Timed out trying to connect\nto it")

    def nthreads(self) -> dict[int, int]:
        return dict(enumerate(self.threads))

    def get_executor(self, **how: Any) -> Executor:
        return Given("there", "too")

    def close(self) -> None:
        type(self).closed += 1


def test_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two units for each thread of its workers; none, nobody there, and no Dask are said."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask: python -m pip install 'tenure\[cluster\]'"), crew(cluster="a:1"):
        pass
    there = ModuleType("distributed")
    there.Client = Cluster
    monkeypatch.setitem(sys.modules, "distributed", there)
    with crew(cluster="a:1") as found:
        assert (found._size, sorted(facts for _, facts in found.work(deque(UNITS)))) == (10, ["there", "too"])
    assert Cluster.closed == 1
    monkeypatch.setattr(Cluster, "threads", ())
    with pytest.raises(InputError, match="`cluster=a:1`: has no workers; start some with `dask worker a:1`"):
        crew(cluster="a:1").__enter__()
    assert Cluster.closed == 2
    with pytest.raises(InputError, match=r"no scheduler answers there \(Timed out trying to connect\); start one"):
        crew(cluster="nowhere:1").__enter__()


# --- Bases that travel ------------------------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path) -> World:
    """Return a world whose base, of a few bytes, lies in a folder."""
    place = tmp_path / "customers.duckdb"
    place.write_bytes(b"who bought what")
    digest = hashlib.sha256(b"who bought what").hexdigest()
    return World("{}", "abc", "", (("base.duckdb", digest),), (str(place),))


def test_what_is_sent_is_what_the_study_began_with(base: World) -> None:
    place = Path(base.near[0])
    assert base.files() == {"base.duckdb": b"who bought what"}
    place.write_bytes(b"who bought more")
    with pytest.raises(InputError, match=r"customers\.duckdb: has changed while the study ran; ask again"):
        base.files()
    place.unlink()
    with pytest.raises(FolderError, match=r"customers\.duckdb: cannot be read \(No such file or directory\)"):
        base.files()


def test_a_worker_takes_a_base_where_it_lies_or_a_copy(base: World, tmp_path: Path, monkeypatch: Any) -> None:
    """Another content under the same name is not it; a copy that was sent once is found again."""
    monkeypatch.setattr(units, "own_folder", lambda: tmp_path)
    ((name, digest),), place = base.base, Path(base.near[0])
    assert units._place_here(name, digest, str(place), None) == place
    place.write_bytes(b"another firm's")
    assert units._place_here(name, digest, str(place), None) is None
    copy = units._place_here(name, digest, str(place), {name: b"who bought what"})
    assert copy is not None
    assert (copy.read_bytes(), copy.parent.parent) == (b"who bought what", tmp_path)
    assert units._place_here(name, digest, "/not/here", None) == copy
    assert units.run(Unit(World("{}", "x", "", ((name, "0" * 64),), ("/not/here",)), None)) == LACKS_BASE


def test_a_base_and_its_segments_are_named_anew() -> None:
    content = {"name": "a", "base": {"file": "here/b.duckdb", "segments": {"by": "file", "file": "here/s.csv"}}}
    found = units._with_files(content, {"base": "base.duckdb", "segments": "segments.csv"})
    assert found == {
        "name": "a", "base": {"file": "base.duckdb", "segments": {"by": "file", "file": "segments.csv"}}
    }  # fmt: skip
    assert content["base"]["file"] == "here/b.duckdb"
    assert units._with_files(content, {}) is content


def test_few_worlds_are_kept_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last that were asked: who comes back within four is not made again."""
    from experiments.firm import Firm

    made: list[str] = []
    monkeypatch.setattr(Firm, "of", lambda scenario: made.append(scenario) or scenario)
    monkeypatch.setattr(units, "parse", lambda content, ranges: content["name"])
    firms = units._Firms()
    for name in "abcdaeab":
        assert firms.of(World(f'{{"name": "{name}"}}', name, ""), None) == name
    assert "".join(made) == "abcdeb"


# --- What comes back --------------------------------------------------------------------------------------------------


def test_a_unit_is_its_content() -> None:
    """Its key follows from the world, money, policy and luck; its place in the study and where a base lies do not."""
    one = UNITS[0]
    played = Played("as today", "name", "as today")
    same = Unit(World("{}", "abc", "", (), ("elsewhere",)), 10.0, place="another", seed=3)
    others = [
        UNITS[1], Unit(World("{}", "abd", ""), 10.0), Unit(one.world, 10.0, targeting="segment"),
        Unit(one.world, None), Unit(one.world, 10.0, played), Unit(one.world, 10.0, played, seed=1),
        Unit(one.world, 10.0, played, samples=4),
    ]  # fmt: skip
    assert one.key == same.key
    assert len({one.key, *(each.key for each in others)}) == 1 + len(others)
    assert Unit(one.world, None, played, place="home").called == "'as today' in world 'home'"
    assert (one.about["policy"], others[4].about["policy"]) == (None, "as today")


def test_what_is_noted_of_a_file_comes_back_without_its_folder() -> None:
    """That a plan was made for another world is what a study is about; any other warning stays one."""
    notes: list[str] = []

    def read() -> None:
        with units._noting(notes):
            warnings.warn("for another scenario", ScenarioChanged, stacklevel=1)
            warnings.warn("scratch/tenure-x1/0123456789abcdef/plan.csv: 2 rows left out", NotAsWritten, stacklevel=1)
            warnings.warn("something else", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="^something else$"):
        read()
    assert notes == ["plan.csv: 2 rows left out"]


def test_a_policy_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Played, "elsewhere", lambda self: ["mine:Policy"])
    with pytest.raises(MixedVersionsError, match="policy 'mine:Policy': a worker has another version of its source"):
        units._chosen(object(), UNITS[0], Played("mine", "name", "mine:Policy"))
