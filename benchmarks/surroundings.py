"""Commands in surroundings that are not ours: what they need not mind, and what they refuse.

Run ``python -m benchmarks.surroundings [VERB ...] [--kinds KIND ...] [--number N]`` from the repository root. Each verb
of ``benchmarks.faults`` runs, in processes of its own, in a fresh folder and

- answers as anywhere: where letters are ASCII, where the user has no home and no name, in a folder with an odd name,
  with nobody to ask, while the clock goes back, with more than one of the same command in the folder at once;
- answers or is refused in one line: where nobody reads, where the folder is read-only, on a disk that is too small.
  Then outputs are whole or absent, and the same command works where nothing is in its way.

Some need a Linux that lets us mount or make a namespace; what cannot be tried is said. Exit code 1 where any failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.faults import ROOT, VERBS, Moment, check_end, prepared
from benchmarks.left_behind import Ended, Whole, again, check_left, check_next, left_by

__all__ = ["KINDS", "Around", "main", "tried"]

CODE = """
import sys
if sys.argv[1] == "demo":
    from benchmarks.faults import shortened
    shortened()
{before}
from _tenure_start import main
main()
"""
BACK = """
import time
began, forward = time.time(), time.time
time.time = lambda: 2 * began - forward()
"""
MOMENT = Moment("fail", 0, 0.0)
"""As far as a refusal's words go, that of a write."""


@dataclass(frozen=True)
class Around:
    """Surroundings: variables, what goes before the command and its code, the folder's name, and what is mounted there.

    ``shell``: what a shell does with the streams; ``at_once``: how many of the same; ``mount``: options of a read-only
    folder, or a disk's size as a share of what the command leaves; ``may_refuse``: whether one line and an exit code of
    1 or 2 will do.
    """

    variables: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    before: str = ""
    folder: str = "here"
    shell: str = ""
    at_once: int = 1
    mount: str | float = ""
    may_refuse: bool = False


KINDS = {
    "ascii": Around(variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no-home": Around(prefix=("unshare", "-U", "--map-user=12345", "env", "-u", "HOME", "-u", "XDG_CACHE_HOME")),
    "odd-path": Around(folder="顾客 资产's \"$x; (1) &"),
    "nobody-to-ask": Around(shell="<&-"),
    "clock-back": Around(before=BACK),
    "at-once": Around(at_once=2, may_refuse=True),
    "nobody-reads": Around(shell="| true", may_refuse=True),
    "read-only": Around(mount="ro", may_refuse=True),
    "small-disk": Around(mount=0.5, may_refuse=True),
    "tiny-disk": Around(mount=0.05, may_refuse=True),
}
PLAIN = Around()


def _start(folder: Path, words: tuple[str, ...], around: Around) -> "subprocess.Popen[str]":
    command = [*around.prefix, sys.executable, "-c", CODE.format(before=around.before), *words, "--json"]
    if around.shell.startswith("|"):  # the exit code is the command's; the reader has gone before it writes
        command = ["bash", "-o", "pipefail", "-c", f'"$@" {around.shell}', "bash", *command]
    elif around.shell:
        command = ["sh", "-c", f'exec "$@" {around.shell}', "sh", *command]
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **around.variables},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _end(process: "subprocess.Popen[str]") -> Ended:
    with process:
        out, err = process.communicate(timeout=1200)
    return Ended(process.returncode, out, err, ())


def _run(folder: Path, words: tuple[str, ...], around: Around = PLAIN) -> Ended:
    return _end(_start(folder, words, around))


@contextmanager
def _mounted(folder: Path, around: Around, left: int) -> Iterator[Callable[[], None]]:
    """Have the folder be read-only, or on a disk of its own, with what it holds; yield what takes that away."""
    if around.mount == "":
        yield lambda: None
        return
    only_read = around.mount == "ro"
    ready = folder.with_name("ready")
    if not only_read:
        shutil.copytree(folder, ready)
        held = sum(each.stat().st_size for each in ready.rglob("*") if each.is_file())
        pages = 4 * len(list(ready.rglob("*"))) + 8  # a disk counts in pages
        size = (held + int(left * float(around.mount))) // 1024 + pages
    _mount(*(("--bind", folder) if only_read else ("-t", "tmpfs", "-o", f"size={size}k", "tmpfs")), folder)
    try:
        if only_read:
            _mount("-o", "remount,ro,bind", folder)
        else:
            shutil.copytree(ready, folder, dirs_exist_ok=True)
        yield lambda: _mount("-o", "remount,rw,bind" if only_read else "remount,size=2g", folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def _can(around: Around) -> bool:
    """Return whether such surroundings can be made here."""
    if around.prefix:
        return not subprocess.run([*around.prefix, "true"], check=False, capture_output=True).returncode
    if around.mount != "":
        with tempfile.TemporaryDirectory() as place:
            try:
                _mount("-t", "tmpfs", "tmpfs", place)
            except (OSError, subprocess.CalledProcessError):
                return False
            subprocess.run(["umount", place], check=True)
    return True


def _try(verb: str, around: Around, place: Path, whole: Whole) -> None:
    folder = prepared(place / around.folder, verb)
    with _mounted(folder, around, whole.size) as freed:
        started = [_start(folder, whole.words, around) for _ in range(around.at_once)]
        ended = [_end(each) for each in started]
        for each in ended:
            if not around.may_refuse:
                assert (each.code, each.err) == (0, ""), f"exit code {each.code}: {each.err[-600:]}"
                found = left_by(whole.words, folder, each)
                assert (found.answer, found.outputs) == (whole.answer, whole.outputs), (
                    "another answer, or other outputs"
                )
                assert (found.runs, found.files) == (whole.runs, whole.files), "other runs or files"
            elif not (around.shell and each.code == 1 and each.err == ""):
                check_end(each, MOMENT)
        assert around.at_once == 1 or any(each.code == 0 for each in ended), "every one of them was refused"
        check_left(folder, whole)
        if around.at_once == 1 and around.may_refuse:
            freed()
            check_next(folder, whole, _run(folder, again(whole)))


def tried(verb: str, kinds: tuple[str, ...], number: int = 2) -> list[str]:
    """Try a verb in surroundings; return what failed, a line each. ``number``: how many at once."""
    failures = []
    with tempfile.TemporaryDirectory() as place:
        folder = prepared(Path(place) / "whole", verb)
        whole = left_by(VERBS[verb], folder, _run(folder, VERBS[verb]))
        for kind in kinds:
            around = KINDS[kind]
            if around.at_once > 1:
                around = replace(around, at_once=number)
            try:
                _try(verb, around, Path(place) / kind, whole)
            except Exception as error:
                failures.append(f"{verb}, {kind}: {type(error).__name__}: {error}")
    return failures


def main() -> None:
    """Try every verb in all surroundings that can be made here."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verbs", nargs="*", metavar="VERB", choices=[*VERBS, []], help=", ".join(VERBS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--number", type=int, default=2, help="of the same command at once")
    asked = parser.parse_args()
    kinds = tuple(kind for kind in asked.kinds if _can(KINDS[kind]))
    for kind in sorted({*asked.kinds} - {*kinds}):
        print(f"{kind}: cannot be made here", flush=True)
    failed = 0
    for verb in asked.verbs or VERBS:
        failures = tried(verb, kinds, asked.number)
        print("\n".join([*failures, f"{verb:<18} {len(kinds):>3} kinds, {len(failures):>3} failures"]), flush=True)
        failed += len(failures)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
