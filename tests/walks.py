"""Follows a walk of docs/contributing.md to the letter: its files in a copy of the packages, its commands, its output.

A walk is a section of the page. Each code block says what becomes of it in the last words before it:

- "`policies/mine.py`:" a new file;
- "in `sim/some.py`, after `a line there`:" an addition (also ``before``, or ``instead of`` that line), where a piece of
  one line stands for the line;
- "at the end of `sim/some.py`:" likewise;
- a block marked ``sh`` is run; the block marked ``text`` that follows it is all that it prints on standard output, a
  line of three dots for any lines, three dots in a line for any characters.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from markets import ROOT

PAGE = ROOT / "docs" / "contributing.md"
COPIED = (
    "_tenure_start.py",
    "tenure",
    "sim",
    "optimizer",
    "policies",
    "experiments",
    "tests",
    "examples",
    "docs",
    "pyproject.toml",
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EDIT = re.compile(r"\bin `([^`]+)`, (after|before|instead of) `([^`]+)`:$", re.IGNORECASE)
END = re.compile(r"\bat the end of `([^`]+)`:$", re.IGNORECASE)
NEW = re.compile(r"`([^`]+)`:$")


@dataclass(frozen=True)
class Walked:
    """What a walk did: the copy it was done in, and the files it made and changed there, in order."""

    folder: Path
    made: tuple[str, ...]
    changed: tuple[str, ...]


def walk(heading: str, folder: Path, page: Path = PAGE) -> Walked:
    """Follow the walk under a heading in a copy of the packages under ``folder``; fail where the page is wrong."""
    copy = folder / "copy"
    _copy_packages(copy)
    _keep_kernels(copy, folder / "cache")
    environment = _environment(copy, folder)
    made: list[str] = []
    changed: list[str] = []
    printed: str | None = None
    runs = 0
    for before, language, block in blocks(heading, page):
        if language == "sh":
            printed = _run(block, copy, environment)
            runs += 1
        elif language == "text":
            assert printed is not None, f"{heading}: what prints this?\n{block}"
            assert re.fullmatch(_pattern(block), printed), f"{heading}: the page says\n{block}\nit prints\n{printed}"
            printed = None
        elif edit := EDIT.search(before) or END.search(before):
            _edit(copy / edit[1], block, *edit.groups()[1:])
            changed.append(edit[1])
        else:
            new = NEW.search(before)
            assert new, f"{heading}: this block says no place ({before!r}):\n{block}"
            assert not (copy / new[1]).exists(), f"{heading}: {new[1]} is there already"
            (copy / new[1]).parent.mkdir(parents=True, exist_ok=True)
            (copy / new[1]).write_text(block, encoding="utf-8")
            made.append(new[1])
    assert runs, f"{heading}: no command tries it"
    return Walked(copy, tuple(made), tuple(dict.fromkeys(name for name in changed if name not in made)))


def blocks(heading: str, page: Path = PAGE) -> list[tuple[str, str, str]]:
    """Return the blocks under a heading: the paragraph before each, its language and its text."""
    sections = re.split(r"^#+ (.*)$", BLOCK.sub(_hidden, page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    found = [sections[i + 1] for i in range(1, len(sections), 2) if sections[i].strip() == heading]
    assert len(found) == 1, f"{page.name}: {len(found)} sections are called '{heading}'"
    text = found[0].replace("\0", "#")
    out, end = [], 0
    for match in BLOCK.finditer(text):
        before = text[end : match.start()].strip().split("\n\n")[-1]
        out.append((" ".join(before.split()), match[1], match[2]))
        end = match.end()
    return out


def _hidden(match: re.Match[str]) -> str:
    """Return a block whose comments do not look like headings."""
    return match[0].replace("#", "\0")


def _edit(path: Path, block: str, where: str | None = None, anchor: str = "") -> None:
    """Change a file of the copy as a block's introduction says."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if where is None:
        lines.append(block)
    else:
        found = [i for i, line in enumerate(lines) if anchor in line]
        assert len(found) == 1, f"{path}: {len(found)} lines have '{anchor}'"
        first, last = {"after": (1, 1), "before": (0, 0), "instead of": (0, 1)}[where.lower()]
        lines[found[0] + first : found[0] + last] = [block]
    path.write_text("".join(lines), encoding="utf-8")


def _pattern(block: str) -> str:
    """Return a regular expression for the output that a block shows."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in block.splitlines()
    ]
    return "".join(lines)


def _run(commands: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a block of commands, the first failure being the last, and return what they print."""
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _environment(copy: Path, folder: Path) -> dict[str, str]:
    """Return an environment in which ``python`` is this one and ``tenure`` and all imports are the copy's."""
    commands = folder / "bin"
    commands.mkdir()
    front = "tenure" if (copy / "tenure" / "__main__.py").exists() else "experiments"
    for name, words in (("python", ""), ("tenure", f"-m {front}")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
        (commands / name).chmod(0o755)
    return {
        **{name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "LOCALAPPDATA")},
        "PATH": os.pathsep.join([str(commands), os.environ["PATH"]]),
        "PYTHONPATH": str(copy),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def _copy_packages(copy: Path) -> None:
    copy.mkdir()
    for name in (*COPIED, *(path.name for path in ROOT.glob("*.py"))):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, copy / name)


def _keep_kernels(copy: Path, cache: Path) -> None:
    """Let the copy find kernels compiled already: Numba files them under a hash of the folder of their source.

    Only where no kernel is changed: the project names its cache by a hash of them all. What is not found is compiled.
    """
    from sim.engine.compile import _cache_folder

    known = _cache_folder()
    if known is None:
        return
    for place in {path.parent for package in ("sim", "optimizer") for path in (ROOT / package).rglob("*_kernels.py")}:
        old, new = (
            f"{place.name}_{hashlib.sha1(str(folder).encode()).hexdigest()}"
            for folder in (place, copy / place.relative_to(ROOT))
        )
        if (Path(known) / old).is_dir():
            shutil.copytree(
                Path(known) / old, cache / "tenure" / Path(known).name / new,
                ignore=shutil.ignore_patterns("*.tmp.*"), dirs_exist_ok=True,
            )  # fmt: skip
