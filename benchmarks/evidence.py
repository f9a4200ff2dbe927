"""How long evidence takes to be read and fitted: a million contacts with 20 traits, and a history of five years.

Run ``python -m benchmarks.evidence [--contacts N] [--periods T] [--widths N]`` from the repository root. Aims, in
seconds of two quiet cores: 10 for a million contacts with 20 traits, 30 for 60 periods of 10 segments and 8 levers.
With ``--widths`` so many logs of contacts are made, and their intervals measured against those of the right likelihood
(:mod:`benchmarks.evidence_widths`); aim: at most 1.5 times as wide.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.evidence_widths import widths
from sim.responses.history.path import paths_of
from sim.responses.history.read import History
from sim.responses.learn import Learned, learn
from sim.responses.read import read_evidence
from sim.scenario.file import Scenario, parse

__all__ = ["history_of", "main", "market"]

TRAITS, SEGMENTS, LEVERS = 20, 10, 8
CURVES = {
    "acquisition": {"without_money": 0.005, "unlimited_money": 0.05, "spend": 0.5, "brings": 0.02},
    "survival": {"without_money": 0.88, "unlimited_money": 0.97, "spend": 0.3, "brings": 0.93},
    "purchase_rate": {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.3, "brings": 0.2},
    "amount": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.3, "brings": 0.1},
}


def market(segments: int = SEGMENTS, levers: int = LEVERS) -> Scenario:
    """Return a market whose levers move four things in turn."""
    kinds = list(CURVES)
    return parse(
        {
            "name": "evidence",
            "periods": 12,
            "segments": {
                f"segment {j}": {
                    "start": {"prospect": 20_000, "new": 3000},
                    "traits": {
                        "purchase_rate": {"shape": 1, "rate": 2},
                        "defection_rate": {"shape": 3, "rate": 45},
                        "spend": 20,
                    },
                }
                for j in range(segments)
            },
            "levers": {
                f"{kinds[i % 4]} {i}": {
                    "targets": ["prospect"] if i % 4 == 0 else ["new", "developing", "core"],
                    "reference": 0.3,
                    "moves": {kinds[i % 4]: CURVES[kinds[i % 4]]},
                }
                for i in range(levers)
            },
        }
    )


def history_of(scenario: Scenario, periods: int, seed: int = 0) -> History:
    """Return a history as the fluid twin has it under the scenario's curves, with the luck of counts."""
    random = np.random.default_rng(seed)
    segments, levers = tuple(scenario.segments), tuple(scenario.levers)
    shape = (periods, len(segments))
    spend = 3000 * np.exp(random.normal(-0.5, 0.8, (*shape, len(levers))))
    blank = {kind: np.full(shape, np.nan) for kind in ("won", "active", "purchases", "money")}
    named = tuple(str(t) for t in range(1, periods + 1))
    plain = History("history", named, segments, levers, spend, blank)
    found = paths_of(scenario, plain).run({}, np.zeros(len(levers)))
    lucky = {kind: random.poisson(found[kind]).astype(float) for kind in ("won", "active", "purchases")}
    lucky["money"] = 20.0 * lucky["purchases"] * found["money"] / np.maximum(20.0 * found["purchases"], 1e-9)
    return History("history", named, segments, levers, spend, lucky)


def contacts(folder: Path, number: int, seed: int = 0) -> Path:
    """Write contacts that the firm chose by their traits."""
    import pandas as pd

    random = np.random.default_rng(seed)
    traits = random.standard_normal((number, TRAITS)).round(3)
    paid = random.random(number) < 1 / (1 + np.exp(-traits[:, 0] - traits[:, 1] / 2))
    spend = 0.3 * paid * random.integers(1, 3, number)
    chance = 1 / (1 + np.exp(-(1.8 + 0.6 * (spend > 0) + traits @ np.linspace(0.5, -0.3, TRAITS))))
    table = pd.DataFrame(traits, columns=[f"trait_{i}" for i in range(TRAITS)])
    table.insert(0, "lever", "survival 1")
    table.insert(1, "moves", "survival")
    table.insert(2, "spend", spend)
    table.insert(3, "outcome", (random.random(number) < chance).astype(int))
    table.insert(4, "assigned", "chosen")
    table.to_csv(folder / "contacts.csv", index=False)
    return folder / "contacts.csv"


def timed(what: str, run: Callable[[], Learned]) -> Learned:
    """Run and print what it took."""
    clock, work = time.perf_counter(), time.process_time()
    found = run()
    print(
        f"{what}: {time.process_time() - work:.1f} s of processor, {time.perf_counter() - clock:.1f} s by the clock, "
        f"{len(found.curves)} points of curves",
        flush=True,
    )
    return found


def main() -> None:
    """Print what each kind of evidence takes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--periods", type=int, default=60)
    parser.add_argument("--widths", type=int, default=0)
    given = parser.parse_args()
    scenario = market()
    with tempfile.TemporaryDirectory() as folder:
        file = contacts(Path(folder), given.contacts)
        timed(
            f"{given.contacts:,} contacts with {TRAITS} traits, read and fitted",
            lambda: learn(scenario, *read_evidence(file)),
        )
    history = history_of(scenario, given.periods)
    timed(
        f"a history of {given.periods} periods, {SEGMENTS} segments and {LEVERS} levers",
        lambda: learn(scenario, [], [], (), [history]),
    )
    if given.widths:
        widths(given.widths)


if __name__ == "__main__":
    main()
