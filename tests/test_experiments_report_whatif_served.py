"""The server behind a what-if page: who may ask it, and what it makes of questions that no page asks."""

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.report.whatif.served import served
from sim.errors import FolderError, InputError

TWIN = SimpleNamespace(scenario=SimpleNamespace(hash="7f"))
DATA = {"scenario": "7f", "lines": [["a", "b"]], "committed_by_line": [0.0], "families": [{"without": ""}]}
PAGE = '<body data-plan="a"><script type="application/json" id="surface">{}</script>'


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "page.html").write_text(PAGE.format(json.dumps(DATA)))
    with served(tmp_path / "page.html", TWIN) as address:
        yield int(address.rstrip("/").rpartition(":")[2])


def sent(port: int, head: str, body: bytes = b"") -> str:
    """Return the answer to a request as it is written; ``HERE`` is where the server is."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        head = head.replace("HERE", f"127.0.0.1:{port}").replace("\n", "\r\n")
        connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()


POST = "POST /solve HTTP/1.1\nHost: HERE\nContent-Type: application/json\nContent-Length: "


@pytest.mark.parametrize("length", ["", "-1", "\u00b2", "x", "9" * 5000, "2000000"])
def test_a_question_of_no_length_is_refused(port: int, length: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert sent(port, POST + length).startswith("HTTP/1.0 400 ")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "question",
    [
        b"", b"[" * 100_000, b"[]",
        b'{"budget": 1, "family": 1e999, "held": {}}', b'{"budget": 1, "family": 9, "held": {}}',
        b'{"budget": NaN, "family": 0, "held": {}}', b'{"budget": 1, "family": 0, "held": {"-1": 1}}',
        b'{"budget": 1, "family": 0, "held": {"0": -1}}', b'{"budget": 1, "family": 0, "held": 7}',
    ],
)  # fmt: skip
def test_a_question_that_no_page_asks_is_answered_in_words(port: int, question: bytes) -> None:
    answer = sent(port, POST + str(len(question)), question)
    assert answer.startswith("HTTP/1.0 422 ")
    assert set(json.loads(answer.partition("\r\n\r\n")[2])) == {"error"}


@pytest.mark.parametrize("more", ["", "Origin: http://elsewhere.example\nHost: HERE", "Host: elsewhere.example"])
def test_nobody_else_s_page_is_answered(port: int, more: str) -> None:
    """Whatever name leads here, and whoever asks."""
    assert sent(port, f"GET / HTTP/1.1\n{more}".rstrip()).startswith("HTTP/1.0 403 ")
    assert sent(port, "GET / HTTP/1.1\nHost: HERE").startswith("HTTP/1.0 200 ")


def test_a_reader_who_leaves_is_no_news(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    """A tab that is closed before its answer has come."""
    for _ in range(5):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # left without a farewell
        connection.sendall(f"{POST.replace('HERE', f'127.0.0.1:{port}')}500\n\n[".replace("\n", "\r\n").encode())
        connection.close()
    assert sent(port, "GET / HTTP/1.1\nHost: HERE").startswith("HTTP/1.0 200 ")
    assert capfd.readouterr().err == ""


def test_what_is_no_page_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for text in ("", PAGE.format("[" * 100_000), PAGE.format('{"scenario": 1}'), PAGE.format("{}")):
        page.write_text(text)
        with pytest.raises(InputError, match=r"what-if page|another scenario"), served(page, TWIN):
            pass
    page.write_bytes(b"\xff")
    with pytest.raises(FolderError, match="cannot be read as text"), served(page, TWIN):
        pass
