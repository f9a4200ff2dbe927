"""Units of a study: each once, each whole or absent, the same bits whoever does them and whatever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markets import ROOT
from study_files import asked, quick_scenario_in, stored

from experiments.compare import compare
from experiments.study.ask import Study, read_study
from experiments.study.run import Finished, run_study
from experiments.study.store import Store
from experiments.study.units import MixedVersionsError, Unit, World, run
from experiments.study.workers import Crew
from policies.catalogue import named
from sim.arrays import quiet
from sim.errors import TenureError
from sim.scenario.file import load
from sim.twin import build


def study(folder: Path, **changes: Any) -> Study:
    quick_scenario_in(folder)
    return read_study(asked(**changes), folder)


def done(wanted: Study, folder: Path, **how: Any) -> Finished:
    return run_study(wanted, folder, step=quiet, **(how or {"workers": 1}))


def test_units_are_the_comparison_and_are_never_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same luck in all worlds: a world's assets are those of ``compare``; a larger study adds what is new."""
    wanted = study(tmp_path)
    first = done(wanted, tmp_path)
    assert (first.units, first.done, first.taken) == (4, 4, 0)
    twin = build(load(tmp_path / "scenario.yaml"))
    budget = next(iter(first.cells.found.values())).facts["budget"]
    plain = compare(twin, [named(n, twin, budget) for n in ("as today", "even split")], budget, seed=1, replications=2)
    for outcome in plain.outcomes:
        cell = next(c for c in first.cells.found if (c.world, c.policy) == ("base", outcome.name))
        assert first.cells.found[cell].assets.tolist() == outcome.assets.tolist()
    worked: list[str] = []
    put = Store.put
    monkeypatch.setattr(Store, "put", lambda self, unit, facts: (worked.append(unit.place), put(self, unit, facts)))
    more = done(study(tmp_path, name="another", policies=["even split", "no spend", "as today"]), tmp_path)
    assert (more.units, more.taken) == (6, 4)
    assert worked == ["base", "rival"]


def test_plans_are_made_in_each_world_or_once(tmp_path: Path) -> None:
    found = done(study(tmp_path, policies=["optimise", "optimise@base"], budgets=[1_200]), tmp_path)
    plans = {(cell.world, cell.policy): json.loads(text) for cell, text in found.plans.items()}
    assert found.made == 2
    assert plans["base", "optimise"] == plans["base", "optimise@base"] == plans["rival", "optimise@base"]
    assert plans["rival", "optimise"]["scenario_hash"] != plans["base", "optimise"]["scenario_hash"]
    assets = {(cell.world, cell.policy): each.assets for cell, each in found.cells.found.items()}
    assert (assets["base", "optimise"] == assets["base", "optimise@base"]).all()
    assert len(stored(tmp_path)) == 2 + 3  # two plans, and in the base world both plays are one


def test_a_world_without_a_plan_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    change = {"rules.people": {"keep": {"count": "customers", "at_least": 1e9, "at": 3}}}
    worlds = {"base": "scenario.yaml", "strict": {"from": "base", "set": change}}
    found = done(study(tmp_path, worlds=worlds, policies=["as today", "optimise"]), tmp_path)
    assert [(cell.world, cell.policy) for cell in found.cells.why] == [("strict", "optimise")]
    assert "keep" in next(iter(found.cells.why.values()))
    assert len(found.cells.found) == 3


def test_luck_is_added_until_intervals_are_narrow_or_at_the_cap(tmp_path: Path) -> None:
    wanted = study(tmp_path, until={"halfwidth": 1e-9, "most": 5})
    found = done(wanted, tmp_path)
    assert {each.assets.size for each in found.cells.found.values()} == {5}  # 2 + 2 + 1
    assert found.units == 12
    whole = done(replace(wanted, until=None, replications=5), tmp_path)
    for cell, each in whole.cells.found.items():
        assert each.assets.tolist() == found.cells.found[cell].assets.tolist()
    again = done(wanted, tmp_path)  # nothing is left to run, and still all rounds are told
    assert (again.units, again.taken) == (12, 12)
    for cell, each in again.cells.found.items():
        assert each.assets.tolist() == found.cells.found[cell].assets.tolist()
    pooled = done(study(tmp_path, until={"halfwidth": 1e-9, "most": 5}, seed=[1, 2]), tmp_path)
    for cell, each in found.cells.found.items():  # rounds of each seed, one after another
        assert pooled.cells.found[cell].assets[:5].tolist() == each.assets.tolist()
        assert pooled.cells.found[cell].assets.size == 10
    wide = done(study(tmp_path, until={"halfwidth": 1e9, "most": 5}), tmp_path)
    assert {each.assets.size for each in wide.cells.found.values()} == {2}


def test_a_file_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    wanted = study(tmp_path)
    done(wanted, tmp_path)
    before = stored(tmp_path)
    cut, changed = sorted((tmp_path / "units").rglob("*.json"))[:2]
    cut.write_bytes(cut.read_bytes()[:100])
    left, young = (cut.with_name(f".{cut.stem}.{pid}.part.json") for pid in (1, 2))  # writers that were killed
    left.touch()
    os.utime(left, (0, 0))
    young.touch()
    changed.write_bytes(changed.read_bytes().replace(b'"kept": [', b'"kept": [1'))
    found = done(wanted, tmp_path)
    assert found.damaged == 2
    assert (left.exists(), young.exists()) == (False, True)
    assert found.taken == 2
    assert stored(tmp_path) == before


def test_another_version_is_refused(tmp_path: Path) -> None:
    quick_scenario_in(tmp_path)
    unit = Unit(World.of(load(tmp_path / "scenario.yaml")), None, code="of yesterday")
    with pytest.raises(MixedVersionsError, match="of yesterday"):
        run(unit)


def test_any_executor_does_it_with_the_same_bits(tmp_path: Path) -> None:
    wanted = study(tmp_path)
    done(wanted, tmp_path / "here")
    with ThreadPoolExecutor(2) as pool:
        done(wanted, tmp_path / "threads", executor=pool)
    assert stored(tmp_path / "threads") == stored(tmp_path / "here")


class Mortal(Executor):
    """Does some units and then loses its worker, as a process pool does."""

    def __init__(self, lives: int) -> None:
        self.lives = lives

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        if self.lives == 0:
            future.set_exception(BrokenExecutor("a worker was killed"))
        else:
            self.lives -= 1
            future.set_result({"unit": args[0].key})
        return future


def test_lost_units_are_done_again_and_finished_ones_are_not(tmp_path: Path) -> None:
    quick_scenario_in(tmp_path)
    world = World.of(load(tmp_path / "scenario.yaml"))
    units = [Unit(world, float(budget)) for budget in range(6)]
    made: list[Mortal] = []

    def make() -> Mortal:
        made.append(Mortal(3))
        return made[-1]

    crew = Crew(make(), make=make, size=4, threads=1)
    found = [facts["unit"] for _, facts in crew.work(deque(units))]
    assert sorted(found) == sorted(unit.key for unit in units)
    assert len(made) == 2
    with pytest.raises(TenureError, match="workers were killed 4 times while they had this unit"):
        list(Crew(Mortal(0), make=lambda: Mortal(0), size=1, threads=1).work(deque(units)))
    with pytest.raises(TenureError, match="what was finished is kept"):
        list(Crew(Mortal(0), make=None, size=1, threads=1).work(deque(units)))


START = """
import sys
from pathlib import Path
from study_files import asked
from experiments.study.ask import read_study
from experiments.study.run import run_study
from sim.arrays import quiet
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    wanted = read_study(asked(seed=[1, 2, 3], replications=40), folder)
    run_study(wanted, folder, workers=int(sys.argv[2]), step=quiet)
"""


def started(folder: Path, workers: int) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    script = folder / "start.py"
    script.write_text(START, encoding="utf-8")
    return subprocess.Popen([sys.executable, str(script), str(folder), str(workers)], env=environment)


def wait_for(condition: Callable[[], bool], patience: float = 240.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_study_and_killed_worker_end_with_the_bits_of_an_unbroken_run(tmp_path: Path) -> None:
    """The study killed -9 with some units done, then resumed by two processes, of which one is killed on the way."""
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        quick_scenario_in(folder)
    first = started(broken, 1)
    wait_for(lambda: len(stored(broken)) >= 2)
    first.kill()
    first.wait()
    kept = stored(broken)
    assert 2 <= len(kept) < 12
    second = started(broken, 2)
    wait_for(lambda: len(stored(broken)) > len(kept))
    children = Path(f"/proc/{second.pid}/task/{second.pid}/children").read_text(encoding="ascii").split()
    workers = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    assert second.wait(300) == 0
    assert started(whole, 1).wait(300) == 0
    assert stored(broken) == stored(whole)
    assert len(stored(whole)) == 12


@pytest.mark.slow
def test_workers_end_with_the_study_that_is_killed(tmp_path: Path) -> None:
    quick_scenario_in(tmp_path)
    process = started(tmp_path, 2)
    wait_for(lambda: len(stored(tmp_path)) >= 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    process.kill()
    process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 30.0)


@pytest.mark.slow
def test_a_cluster_of_which_a_worker_is_killed_does_it_with_the_same_bits(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    wanted = study(tmp_path, seed=[1, 2, 3], replications=40)
    done(wanted, tmp_path / "here")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))
        with ThreadPoolExecutor(1) as aside:
            aside.submit(_kill_when_some_are_done, tmp_path / "there", victim)
            done(wanted, tmp_path / "there", cluster=cluster.scheduler_address)
    assert not Path(f"/proc/{victim}").exists()
    assert stored(tmp_path / "there") == stored(tmp_path / "here")


def _kill_when_some_are_done(folder: Path, victim: int) -> None:
    wait_for(lambda: len(stored(folder)) >= 1)
    os.kill(victim, signal.SIGKILL)
