"""The section "A rule" of the contributing page, done: two files changed in a copy of the packages make a rule."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from markets import ROOT
from rules_in_pairs import PLAIN, over

COPIED = ("sim/scenario", "optimizer/ask", "policies", "experiments")


def blocks() -> list[str]:
    """Return the section's code blocks."""
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    section = page[page.index("**A rule.**") :]
    section = section[: section.index("\n**", 1)]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the rooms that the section changes, copied and changed; the others are found where they are.

    So the compiled kernels need not be compiled anew.
    """
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:  # the command's own room too: it asks whether the others lie beside it
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("sim", "optimizer"):
        own = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
        more = f"\n__path__.append({str(ROOT / package)!r})\n"
        (folder / package / "__init__.py").write_text(own + more, encoding="utf-8")
    before, field, kind = blocks()
    keys = folder / "sim" / "scenario" / "rules.py"
    text = keys.read_text(encoding="utf-8")
    assert text.count(before) == 1
    keys.write_text(text.replace(before, field + before), encoding="utf-8")
    (folder / "optimizer" / "ask" / "kinds" / "lapsed.py").write_text(kind, encoding="utf-8")
    return folder


def run(copied: Path, *words: str, **rules: float) -> subprocess.CompletedProcess[str]:
    """Return what a command of the copy says on the small market under rules; ``plan.json`` stays in its folder."""
    work = copied / "work"
    work.mkdir(exist_ok=True)
    if rules:
        (work / "scenario.yaml").write_text(yaml.safe_dump(over(PLAIN, {"rules": rules})), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "experiments", *words], cwd=work, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(copied), str(ROOT)])}, check=False,
    )  # fmt: skip


def test_it_is_kept_priced_and_said(copied: Path) -> None:
    """A plan keeps it at a price; check and explain say it in the words of its kind."""
    said = run(copied, "check", "scenario.yaml", most_lapsed=700)
    assert "  never more than 700 customers lapsed\n" in said.stdout
    found = run(copied, "optimize", "scenario.yaml", "-o", "plan.json", "--json")
    assert found.returncode == 0, found.stderr
    plan = json.loads(found.stdout[found.stdout.index("{") :])
    prices = {name: price for name, price in plan["prices"].items() if name.startswith("lapsed after period")}
    assert prices
    assert all(price > 0 for price in prices.values())
    assert plan["status"] == "feasible"
    explained = run(copied, "explain", "plan.json")
    assert re.search(r"- lapsed after period \d: at most 700 customers; 1 more would bring", explained.stdout)


def test_it_is_named_where_it_clashes(copied: Path) -> None:
    """Nobody lapsed at all cannot be had."""
    found = run(copied, "optimize", "scenario.yaml", "-o", "plan.json", most_lapsed=1)
    assert found.returncode == 2
    assert re.search(r"rules cannot all be met: .*'lapsed after period \d'.* by [\d,.]+ customers", found.stderr)


def test_a_mistake_in_it_is_told_by_its_key(copied: Path) -> None:
    """The key is known, its number is checked."""
    found = run(copied, "check", "scenario.yaml", most_lapsed=-1)
    assert found.returncode == 2
    assert "rules.most_lapsed" in found.stderr


def test_the_product_has_no_such_key() -> None:
    """The copy is where it is."""
    assert "most_lapsed" not in (ROOT / "sim" / "scenario" / "rules.py").read_text(encoding="utf-8")
