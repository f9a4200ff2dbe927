"""Two hundred units, killed -9 twice and moved to a Dask cluster, whose worker is killed too: the bits of one run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from markets import ROOT
from study_files import quick_scenario_in, stored

HERE = """
import sys
from pathlib import Path
from study_files import asked
from experiments.study.ask import read_study
from experiments.study.run import run_study
from sim.arrays import quiet

def run(folder, **how):
    wanted = read_study(asked(seed=list(range(50)), replications=2), folder)  # 2 worlds x 2 policies x 50 seeds
    return run_study(wanted, folder, step=quiet, **how)

if __name__ == "__main__":
    run(Path(sys.argv[1]), workers=int(sys.argv[2]))
"""
CLUSTER = """
import os, signal, sys, threading, time
from pathlib import Path
from here import run

def kill_one(cluster, folder, have):
    while len(list((folder / "units").rglob("*.json"))) < have + 20:
        time.sleep(0.02)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

if __name__ == "__main__":
    from distributed import LocalCluster
    folder = Path(sys.argv[1])
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        have = len(list((folder / "units").rglob("*.json")))
        killer = threading.Thread(target=kill_one, args=(cluster, folder, have), daemon=True)
        killer.start()
        done = run(folder, cluster=cluster.scheduler_address)
        killer.join(1)
        (folder / "said").write_text(f"{done.taken} {done.done} {killer.is_alive()}")
"""


def count(folder: Path) -> int:
    return len(list((folder / "units").rglob("*.json")))


def started(folder: Path, script: str, *words: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests", folder)))}
    return subprocess.Popen([sys.executable, str(folder / script), str(folder), *words], env=environment)


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[bytes]", patience: float = 240.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        assert process.poll() is None, "it was done before it could be killed"
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_twice_and_moved_to_dask_it_ends_with_the_bits_of_an_unbroken_run(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        quick_scenario_in(folder)
        (folder / "here.py").write_text(HERE, encoding="utf-8")
        (folder / "there.py").write_text(CLUSTER, encoding="utf-8")
    for workers, enough in (("1", 20), ("2", 60)):
        process = started(broken, "here.py", workers)
        wait_for(lambda least=enough: count(broken) >= least, process)  # type: ignore[misc]
        process.kill()
        process.wait()
    kept = stored(broken)
    assert 60 <= len(kept) < 180
    assert started(broken, "there.py").wait(500) == 0
    taken, done, waiting = (broken / "said").read_text(encoding="utf-8").split()
    assert (int(taken), int(done)) == (len(kept), 200)
    assert waiting == "False", "no worker of the cluster was killed on the way"
    assert started(whole, "here.py", "1").wait(300) == 0
    assert stored(broken) == stored(whole)
    assert len(stored(whole)) == 200
    assert all(stored(broken)[name] == content for name, content in kept.items())
