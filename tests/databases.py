"""Databases that tests run for themselves."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["POSTGRES", "free_port", "postgres_server"]

POSTGRES = shutil.which("pg_ctl")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a PostgreSQL of its own, as a user that may; yield its URL, password included."""
    folder, port = Path(tempfile.mkdtemp(prefix="pg")), free_port()
    owner = {"user": "postgres"} if os.getuid() == 0 else {}
    if owner:
        shutil.chown(folder, "postgres")
    assert POSTGRES is not None
    programs = Path(os.path.realpath(POSTGRES)).parent
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True, "cwd": "/", **owner}
    secret = folder / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    made = ["-D", str(folder / "data"), "-U", "me", "-A", "scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([programs / "initdb", *made], **quiet)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run([programs / "pg_ctl", "-D", folder / "data", "-w", "-o", options, "start"], **quiet)
    try:
        yield f"postgresql+psycopg://me:s3cret@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)
