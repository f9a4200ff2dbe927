"""Print the figures on the pages anew: `python -m benchmarks.pages [PAGE ...]`.

Every block of commands on a page that is followed by a block of what they print is run in a copy of the examples, and a
line shown whose figures have changed is replaced by the printed line of the same shape (equal but for its numbers). A
line with no counterpart among those printed is named and left: its words have changed, which a person should read.
`tests/test_examples_mechanisms.py` (slow) holds the pages to what this prints. Exit code 1 where lines are left.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
BLOCK = re.compile(r"```sh\n((?:(?!```).)*?)```\s*```text\n(.*?)```", re.DOTALL)
PAGES = [
    str(page.relative_to(ROOT))
    for page in (ROOT / "README.md", *sorted(ROOT.glob("examples/*/README.md")))
    if BLOCK.search(page.read_text(encoding="utf-8"))
]


def shape(line: str) -> str:
    """Return a line with its numbers and the width of its blanks taken out.

    >>> shape("plan  2,476,747 EUR") == shape("plan 12 EUR")
    True
    """
    return NUMBER.sub("#", " ".join(line.split()))


def printed(commands: str, folder: Path) -> list[str]:
    """Return what the last `tenure` command of a block prints in ``folder``, a refusal (exit code 2) too."""
    out = ""
    for command in commands.strip().split("\n"):
        words = shlex.split(command)
        run = [sys.executable, "-m", "tenure", *words[1:]] if words[0] == "tenure" else ["sh", "-c", command]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 2):
            raise RuntimeError(f"{command}: {done.stderr.strip()}")
        out = done.stdout or done.stderr if words[0] == "tenure" else out
    return out.split("\n")


def renewed(text: str, run: Callable[[str], list[str]]) -> tuple[str, list[str]]:
    """Return a page with its figures as ``run`` prints them, and the lines that it could not find.

    Lines of one shape are matched in their order, so that rows of a table stay rows.
    """
    left: list[str] = []

    def block(match: re.Match[str]) -> str:
        lines, there = match[2].strip("\n").split("\n"), run(match[1])
        waiting: dict[str, list[str]] = {}
        for line in there:
            waiting.setdefault(shape(line), []).append(line.rstrip())
        for i, line in enumerate(lines):
            same = waiting.get(shape(line))
            if same is None:
                left.append(line)
            elif line.rstrip() in same:
                same.remove(line.rstrip())
            elif same:
                lines[i] = same.pop(0)
        return match[0].replace(match[2].strip("\n"), "\n".join(lines))

    return BLOCK.sub(block, text), left


def main(pages: list[str]) -> int:
    """Renew each page in place and say what changed."""
    missing = 0
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "examples", Path(folder) / "examples")
            place = (Path(folder) / page).parent
            before = (ROOT / page).read_text(encoding="utf-8")
            after, left = renewed(before, lambda commands, place=place: printed(commands, place))
        pairs = zip(before.split("\n"), after.split("\n"), strict=True)
        changed = sum(a != b for a, b in pairs)
        if changed:
            (ROOT / page).write_text(after, encoding="utf-8")
        print(f"{page}: {changed} lines changed, {len(left)} not printed", flush=True)
        for line in left:
            print(f"  {line}", flush=True)
        missing += len(left)
    return 1 if missing else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE", help="such as README.md; none: every page")
    raise SystemExit(main(parser.parse_args().pages))
