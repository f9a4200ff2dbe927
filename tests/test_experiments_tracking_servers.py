"""Runs on a real MLflow server and in a real PostgreSQL; a server that goes away half-way loses nothing."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databases import POSTGRES, free_port, postgres_server
from markets import SMALL

from experiments.tracking.store import prepare_environment

Run = Callable[..., tuple[int, str, str]]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="ends servers by signals")]


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[str]:
    """Run a server as its manual says: a database and artifacts of its own, which clients reach through it."""
    environment = dict(os.environ)
    prepare_environment(environment)
    words = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "kept")]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *words, "--port", str(port), "--workers", "1"],
        env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def runs_at(uri: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()], max_results=1000)
    assert len({run.data.tags["record_key"] for run in runs}) == len(runs)
    assert {run.info.status for run in runs} <= {"FINISHED"}
    return list(runs)


def compare(run: Run, uri: str, *policies: str) -> tuple[dict[str, Any], str]:
    words = [word for policy in ("as-today", *policies) for word in ("--policy", policy)]
    code, out, err = run("compare", SMALL, *words, "--replications", 2, "--tracking-uri", uri, "--json")
    assert code == 0, err
    return json.loads(out), err


def test_a_server_that_goes_away_half_way(tenure: Run, tmp_path: Path) -> None:
    place, port = tmp_path / "server", free_port()
    place.mkdir()
    with mlflow_server(place, port) as uri:
        first, err = compare(tenure, uri, "no-spend")
        assert err == ""
        assert not (tmp_path / "mlflow.db").exists(), "all is at the server"
        assert all(link.startswith(f"{uri}/#/experiments/") for link in first["links"].values())
        assert json.loads(tenure("repeat", first["run_id"], "--tracking-uri", uri, "--json")[1])["same"]
        assert len(runs_at(uri)) == 3
    gone, err = compare(tenure, uri, "even-split")
    assert gone["run_id"] == ""
    assert f"{uri} does not take runs" in err
    assert "3 runs wait in" in err
    assert len(err.splitlines()) == 1
    code, _, err = tenure("sync")
    assert (code, "3 runs wait" in err) == (1, True)
    with mlflow_server(place, port) as uri:
        assert tenure("sync")[0] == 0
        assert tenure("sync")[0] == 0
        assert len(runs_at(uri)) == 6
        again, _ = compare(tenure, uri, "even-split")
        assert again["run_id"]
        assert len(runs_at(uri)) == 6, "the same inputs are the same runs"


@pytest.fixture
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.mark.skipif(POSTGRES is None, reason="PostgreSQL is not installed (Debian: apt-get install postgresql)")
def test_a_database_of_a_team(tenure: Run, tmp_path: Path, postgres: str) -> None:
    answer, err = compare(tenure, postgres, "no-spend")
    assert err == ""
    assert answer["tracking_uri"] == postgres.replace("s3cret", "***")
    runs = runs_at(postgres)
    assert len(runs) == 3
    assert all("s3cret" not in text for run in runs for text in run.data.tags.values())
    assert {run.info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri()) for run in runs} == {True}
    assert json.loads(tenure("repeat", answer["run_id"], "--tracking-uri", postgres, "--json")[1])["same"]
    compare(tenure, postgres, "no-spend")
    assert len(runs_at(postgres)) == 3
