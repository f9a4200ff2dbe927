"""The MLflow UI over a folder's runs: a process of its own, bound to this machine, as MLflow's server has no log-in."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError

from experiments.tracking.store import ARTIFACTS, database_of, prepare_environment, tracking_uri_of
from experiments.tracking.views import LEADERBOARD_TAG
from sim.errors import InputError, TenureError, first_line

__all__ = ["serve", "wait_for_interrupt"]

HOST = "127.0.0.1"


def serve(folder: str | Path, port: int = 5000, *, announce: Callable[[str], None], patience: float = 60.0) -> None:
    """Run the MLflow UI over a folder's runs until interrupted.

    Parameters
    ----------
    port
        0: any that is free.
    announce
        Called once the UI answers, with the address of the newest study's policies, best first.
    patience
        Seconds the UI may take to answer.

    Raises
    ------
    InputError
        If the folder has no runs, or the port is taken.
    TenureError
        If the UI ends by itself, or does not answer in time.
    """
    if not database_of(folder).is_file():
        raise InputError(f"{folder}: no runs here yet; run `tenure demo` first, or give its `folder=`")
    port = _free_port(port)
    address = f"http://{HOST}:{port}"
    with tempfile.TemporaryFile() as output, _ended_on_termination():
        process = _start_server(folder, port, output)
        try:
            _await_answer(process, address, output, patience)
            announce(address + "/" + _newest_leaderboard(address))
            process.wait()
            raise TenureError(f"the MLflow UI ended by itself: {_last_line(output)}")
        except KeyboardInterrupt:
            return
        finally:
            with _undisturbed():
                _end(process)


def wait_for_interrupt() -> None:
    """Wait until Ctrl-C, or until the process is asked to end."""
    with _ended_on_termination():
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _free_port(port: int) -> int:
    """Return ``port``, or a free one for 0; raise where somebody has it."""
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(f"port {port} on {HOST} cannot be used ({why}); give another one with `port=`") from None
        return int(probe.getsockname()[1])


def _start_server(folder: str | Path, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    prepare_environment(environment)
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    return subprocess.Popen(
        [
            sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri_of(folder),
            "--default-artifact-root", (Path(folder).resolve() / ARTIFACTS).as_uri(),
            "--host", HOST, "--port", str(port), "--workers", "1",
        ],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=Path(folder).resolve(),
        env=environment,
        start_new_session=True,  # an interrupt from the terminal reaches us alone, and we end the server
    )  # fmt: skip


def _await_answer(process: subprocess.Popen[bytes], address: str, output: IO[bytes], patience: float) -> None:
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if process.poll() is not None:
            raise TenureError(f"the MLflow UI did not start: {_last_line(output)}")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.1)
    raise TenureError(f"the MLflow UI did not answer on {address} within {patience:g} s: {_last_line(output)}")


def _newest_leaderboard(address: str) -> str:
    """Return the fragment that a finished study left with its parent run; the newest one's."""
    start = "#/experiments?workflowType=machine_learning"
    experiments = _ask(address, "experiments/search", {"max_results": 1000}).get("experiments", [])
    if not experiments:
        return start
    found = _ask(
        address,
        "runs/search",
        {
            "experiment_ids": [experiment["experiment_id"] for experiment in experiments],
            "filter": "tags.layer = 'study' and attributes.status = 'FINISHED'",
            "order_by": ["attributes.start_time DESC"],
            "max_results": 1,
        },
    ).get("runs", [])
    tags = {tag["key"]: tag["value"] for run in found for tag in run["data"].get("tags", [])}
    return str(tags.get(LEADERBOARD_TAG, start))


def _ask(address: str, what: str, question: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{what}",
        data=json.dumps(question).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
            return content
    except (OSError, ValueError) as error:
        raise TenureError(f"the MLflow UI at {address} does not answer {what}: {first_line(error)}") from None


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = [line for line in output.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the workers it started."""
    for name, patience in (("SIGTERM", 5.0), ("SIGKILL", 5.0)):
        try:
            if os.name == "posix":
                os.killpg(process.pid, getattr(signal, name))
            elif process.poll() is None:
                process.terminate()
        except (ProcessLookupError, PermissionError):
            pass
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        if name == "SIGTERM" and not _group_lives(process.pid):
            return


def _group_lives(group: int) -> bool:
    if os.name != "posix":
        return False
    for _ in range(20):
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        time.sleep(0.1)
    return True


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C that is pressed again: it would leave a server behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _ended_on_termination() -> Iterator[None]:
    """Make a request to terminate as good as Ctrl-C, the end that is waited for, so that no server outlives us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before, watched = signal.signal(signal.SIGTERM, interrupt), signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.set_wakeup_fd(watched)
