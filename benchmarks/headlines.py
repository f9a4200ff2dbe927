"""The headline figures of every example: `python -m benchmarks.headlines --because "WORDS" [EXAMPLE ...]`.

`tests/data/headlines.json` holds them, and `tests/test_benchmarks_headlines.py` fails on any that moves beyond what is
promised (docs/model.md, Randomness). This command works them out anew, prints which moved from what to what, and
writes them with the reason: words of the bullet in the changelog, under Unreleased, that names each example that moved
(`examples/bank`, or "every example"). Without such a bullet, exit code 1, and the example's figures stay as they were.
"""

import argparse
import json
import math
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import tenure

__all__ = ["ALONE", "EXAMPLES", "FILE", "changelog", "explained", "main", "moved", "of_a_plan", "of_today"]

ROOT = Path(__file__).parents[1]
FILE = ROOT / "tests" / "data" / "headlines.json"
ALONE = "allocate"
"""The example over curves: no market, a plan alone."""
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/scenario.yaml"))
AS_TODAY = 1e-9
"""How far figures of what happens may move, of themselves: the same on any threads and shards."""
PLANNED = 1e-6
"""The same of what is sought: solvers stop within their tolerances, and BLAS sums in an order of the processor's."""
SEARCHED = ("plan", "money", "no_spend", "bound", "full_information", "response", "price")

Figures = dict[str, float]


def firm_of(name: str, folder: Path) -> tenure.Firm:
    """Return an example's firm; CDNOW's needs its purchases, whose base is made in ``folder``."""
    path = ROOT / "examples" / name / "scenario.yaml"
    if name == "cdnow":
        from sim.purchases.base import CDNOW_PURCHASES, CustomerBase

        CustomerBase.create(folder / "cdnow.duckdb", CDNOW_PURCHASES)
        path = Path(shutil.copy(path, folder))
    return tenure.open(path)


def of_today(name: str) -> Figures:
    """Return what an example's customers are worth as today, played twice by the first seed and in expected numbers."""
    with tempfile.TemporaryDirectory() as folder:
        firm = firm_of(name, Path(folder))
        outcome = firm.simulate("as today", replications=2, seed=0).comparison.outcomes[0]
    return {"as_today": outcome.asset, "as_today_expected": outcome.expected}


def of_a_plan(name: str) -> Figures:
    """Return what an example's plan is worth and spends, and what is proved of it."""
    if name == ALONE:
        split = tenure.allocate(ROOT / "examples" / name / "curves.csv", rules=ROOT / "examples" / name / "rules.yaml")
        return {"response": split.value, "money": float(split.spend.sum()), "price": split.shadow_price}
    with tempfile.TemporaryDirectory() as folder:
        plan = firm_of(name, Path(folder)).optimize()
    found = {
        "plan": plan.asset, "money": float(plan.spend.sum()), "no_spend": plan.no_spend, "bound": plan.bound,
        "full_information": plan.reference,
    }  # fmt: skip
    return {key: value for key, value in found.items() if math.isfinite(value)}


def moved(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """Return which figures of an example moved, or came, or went.

    >>> moved({"as_today": 100.0, "plan": 200.0}, {"as_today": 100.001, "plan": 200.0001})
    ['as_today: 100 -> 100.001']
    """
    said = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        near = PLANNED if key in SEARCHED else AS_TODAY
        if old is None or new is None or not math.isclose(old, new, rel_tol=near, abs_tol=near):
            said.append(f"{key}: {_number(old)} -> {_number(new)}")
    return said


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,.12g}"


def changelog(unreleased: bool = False) -> list[str]:
    """Return the bullets of the changelog, each in one line; of what is not released yet alone where asked."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    text = text.partition("## [Unreleased]")[2].partition("\n## ")[0] if unreleased else text
    return [" ".join(each.split()) for each in re.split(r"^(?:- |#.*$)", text, flags=re.MULTILINE)]


def explained(because: str, examples: Iterable[str], bullets: Iterable[str]) -> list[str]:
    """Return the examples that no bullet with the words ``because`` names.

    >>> explained("births count", ["bank", "price"], ["Births count once, at no price: examples/bank."])
    ['price']
    """
    meant = [each.casefold() for each in bullets if because and because.casefold() in each.casefold()]
    return [
        name for name in examples
        if not any("every example" in each or re.search(rf"examples/{name}\b", each) for each in meant)
    ]  # fmt: skip


def main() -> int:
    """Work the figures out anew, and write them where the changelog says why they moved."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("examples", nargs="*", metavar="EXAMPLE", help=", ".join([ALONE, *EXAMPLES]))
    parser.add_argument("--because", default="", metavar="WORDS", help="of the changelog's bullet that says why")
    asked = parser.parse_args()
    known = [ALONE, *EXAMPLES]
    held = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    held, silent = {name: each for name, each in held.items() if name in known}, []
    for name in asked.examples or known:
        figures = {**({} if name == ALONE else of_today(name)), **of_a_plan(name)}
        differences = moved(held.get(name, {}).get("figures", {}), figures)
        print("\n  ".join([f"{name}: {len(differences)} moved", *differences]), flush=True)
        if differences and explained(asked.because, [name], changelog(unreleased=True)):
            silent.append(name)
        elif differences:
            held[name] = {"because": asked.because, "figures": figures}
            FILE.write_text(json.dumps(dict(sorted(held.items())), indent=1) + "\n", encoding="utf-8")
    if silent:
        print(f"no bullet under Unreleased says --because {asked.because!r} of {', '.join(silent)}: not written")
    return int(bool(silent))


if __name__ == "__main__":
    sys.exit(main())
