"""The what-if page with the optimiser behind it: served on this machine alone, it solves exactly what it looks up."""

from __future__ import annotations

import json
import math
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, TenureError, first_line
from sim.reading import read_text

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["HOST", "served"]

HOST = "127.0.0.1"
SOLVE = "/solve"
MOST, DIGITS = 1_000_000, 8
"""Bytes of a question; the page's are a few hundred. And digits that say them."""
PATIENCE = 60
"""Seconds that a question may take to come in."""
DATA = re.compile(r'<script type="application/json" id="surface">(.*?)</script>', re.DOTALL)


@contextmanager
def served(page: Path, twin: Twin, port: int = 0, threads: int = 2) -> Iterator[str]:
    """Serve a what-if page of a firm, and yield its address; what it asks is solved, one question after another.

    Parameters
    ----------
    port
        0: any that is free.

    Raises
    ------
    InputError
        If the file is no what-if page, is one of another scenario or version, or the port is taken.
    """
    text = _page(page, twin)
    content = text.replace("<body data-plan", f'<body data-solve="{SOLVE}" data-plan', 1).encode()
    solver = _Solver(twin, json.loads(DATA.findall(text)[0]), threads)

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            if self._ours():
                found = self.path.partition("?")[0] == "/"
                self._send(200 if found else 404, content if found else b"no such page", "text/html")

        def do_POST(self) -> None:
            if not self._ours():
                return
            size = self.headers.get("Content-Length", "")[:DIGITS]
            plain = self.headers.get("Content-Type", "").partition(";")[0] == "application/json"
            if self.path != SOLVE or not plain or not size.isdecimal() or int(size) > MOST:
                self._send(400, b"{}", "application/json")
                return
            status, answer = solver.answer(self.rfile.read(int(size)))
            self._send(status, json.dumps(answer, allow_nan=False).encode(), "application/json")

        def _ours(self) -> bool:
            """Return whether the page itself asks; refuse pages from elsewhere, under whatever name they reach us."""
            own = {f"{name}:{server.server_port}" for name in (HOST, "localhost")}
            origin = self.headers.get("Origin")
            ours = self.headers.get("Host") in own and (origin is None or origin.removeprefix("http://") in own)
            if not ours:
                self._send(403, b"{}", "application/json")
            return ours

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    try:
        server = _Server((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        raise InputError(f"port {port} on {HOST} cannot be used ({first_line(error)}); give another one") from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """A server that says nothing of readers who leave before their answer, as a tab that is closed."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that is gone; all else is ours to mend."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _page(page: Path, twin: Twin) -> str:
    text = read_text(page, "`tenure whatif` writes it", what="page")
    found = DATA.findall(text)
    try:
        made_of = json.loads(found[0])["scenario"] if found else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        made_of = ""
    if not made_of:
        raise InputError(f"{page}: is no what-if page of this version; `tenure whatif` writes it")
    if made_of != twin.scenario.hash:
        raise InputError(
            f"{page}: was made of another scenario, or of another version of this one; `tenure whatif` writes it anew"
        )
    return text


class _Solver:
    """Answers the page's questions, one after another."""

    def __init__(self, twin: Twin, data: dict[str, Any], threads: int) -> None:
        self._twin, self._data, self._threads = twin, data, threads
        self._lock = threading.Lock()

    def answer(self, asked: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and the answer to a question as it was sent."""
        began = monotonic()
        try:
            budget, held, without = self._read(asked)
            with self._lock:
                return 200, self._solved(budget, held, without) | {"seconds": monotonic() - began}
        except TenureError as error:
            return 422, {"error": str(error)}
        except Exception as error:  # a page waits for an answer whatever happens
            return 500, {"error": f"{type(error).__name__}: {first_line(error)}"}

    def _read(self, asked: bytes) -> tuple[float, dict[tuple[str, str], float], str]:
        """Return budget, held money by line with what was committed, and the rule that is left out."""
        try:
            question = json.loads(asked)
            budget, family = float(question["budget"]), self._data["families"][int(question["family"])]
            held = {int(line): float(amount) for line, amount in question["held"].items()}
            committed = self._data["committed_by_line"]
            money = {tuple(self._data["lines"][line]): amount + committed[line] for line, amount in held.items()}
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError):
            raise InputError("the question cannot be read; load the page again") from None
        if min(budget, *held.values(), *held.keys(), 0.0) < 0 or not all(map(math.isfinite, (budget, *held.values()))):
            raise InputError("money is expected to be at least 0")
        return budget, money, str(family["without"])

    def _solved(self, budget: float, held: dict[tuple[str, str], float], without: str) -> dict[str, Any]:
        from optimizer.insight.exact import solve_exactly

        found = solve_exactly(self._twin, budget, held, without=without, threads=self._threads)
        committed = self._data["committed_by_line"]
        watched = [found.counted.get(rule["name"]) for rule in self._data["watched"]]
        return {
            "asset": found.asset, "kept": found.kept, "spend": float(found.money.sum()),
            "money": (found.money.sum(axis=0) - committed).tolist(), "by_period": found.money.tolist(),
            "price": _finite(found.plan.shadow_price), "prices": [_finite(float(each)) for each in found.slope],
            "watched": watched,
        }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
