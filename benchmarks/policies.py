"""Every policy of the catalogue against the plan, on every example, over five seeds, corrected for their number.

    python -m benchmarks.policies                                # all but those that search, minutes of a processor
    python -m benchmarks.policies recency-chain rivals --searching

A plan is made for each example's money, rules and finest targeting; all policies meet the same customers with the same
luck. Open loop is a policy whose money depends on time and heads alone: none should beat the plan, neither in expected
numbers, where there is no luck, nor simulated, where differences are paired over all replications of all seeds and
called by Holm's procedure over all pairs. One that reacts may: that is the value of feedback. Policies that break a
rule or the budget are counted apart. The bandit stands beside the bound of full information, where there is one.
Examples without the customer base that a user makes first are left out.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.firm import Firm
from experiments.study.answers import holm, paired
from policies.catalogue import names
from sim.arrays import Floats

SEEDS = (1, 2, 3, 4, 5)
SEARCHING = ("rolling horizon", "tuned")
PLAN, BANDIT = "plan", "bandit"
LEVEL = 0.05


@dataclass(frozen=True, eq=False)
class Against:
    """A policy against an example's plan: differences by replication, and in expected numbers.

    ``least`` is the asset under the least spend, ``limit`` what no policy exceeds that sees everything; nan: not known.
    """

    example: str
    name: str
    difference: Floats
    expected: float
    asset: float
    feedback: bool
    broken: int
    least: float
    limit: float

    def share(self, more: float) -> float:
        """Return the part of the lift that no policy exceeds of one worth so much more than the plan."""
        return (self.asset + more - self.least) / (self.limit - self.least)


def played(path: Path, chosen: Sequence[str], replications: int, seeds: Sequence[int]) -> list[Against]:
    """Return every policy against the plan."""
    firm = Firm.open(path)
    plan = firm.optimize(bound_steps=0)
    found = [
        firm.compare([plan, *chosen], replications=replications, samples=0, seed=seed, threads=1) for seed in seeds
    ]

    def assets(name: str) -> Floats:
        return np.concatenate([each[name].assets for each in found])

    first = found[0][PLAN]
    return [
        Against(
            path.parent.name, each.name, assets(each.name) - assets(PLAN), each.expected - first.expected,
            first.expected, each.feedback, len(each.broken or ()), plan.no_spend,
            plan.reference if firm.chain.bounded else math.nan,
        )
        for each in found[0].outcomes
        if each.name != PLAN
    ]  # fmt: skip


def tell(all_: Sequence[Against]) -> None:
    """Print, by example, the best that is set in advance and the best that reacts, and who beats the plan."""
    chance = dict(zip(all_, holm([paired(each.difference)[3] for each in all_]), strict=True))
    print(f"{len(all_)} pairs, {all_[0].difference.size} replications each, all seeds together")
    for example in dict.fromkeys(each.example for each in all_):
        own = [each for each in all_ if each.example == example]
        able = [each for each in own if not each.broken]
        print(f"{example}: plan {own[0].asset:,.0f} in expected numbers; {len(own) - len(able)} of {len(own)} barred")
        for kind, feedback in (("open loop", False), ("reacts", True)):
            some = [each for each in able if each.feedback is feedback]
            if some:
                print(f"  {kind:<9}  {line(max(some, key=lambda each: float(each.difference.mean())), chance)}")
        for each in own:
            if each.name == BANDIT and not math.isnan(each.limit):
                print(
                    f"  of the lift of full information, which no policy exceeds: plan {each.share(0.0):.1%}, "
                    f"{BANDIT} {each.share(each.expected):.1%}"
                )
    for kind, feedback in (("OPEN LOOP", False), ("feedback", True)):
        ahead = [
            each for each in all_
            if each.feedback is feedback and not each.broken and each.difference.mean() > 0 and chance[each] < LEVEL
        ]  # fmt: skip
        print(f"{kind} ahead of the plan by more than luck: {len(ahead) or 'none'}")
        for each in ahead:
            print(f"  {each.example}  {line(each, chance)}")
    better = [each for each in all_ if not each.broken and not each.feedback and each.expected > 1e-7 * abs(each.asset)]
    print(f"OPEN LOOP worth more in expected numbers: {len(better) or 'none'}")
    for each in better:
        print(f"  {each.example}  {line(each, chance)}")


def line(each: Against, chance: dict[Against, float]) -> str:
    mean, low, high, _ = paired(each.difference)
    return (
        f"{each.name:<24} {mean:+12,.0f} ({low:+,.0f} to {high:+,.0f}), corrected p {chance[each]:.3f}; expected "
        f"{each.expected:+,.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", help="names of folders under examples/; none: all")
    parser.add_argument("--replications", type=int, default=4, help="of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--policies", nargs="+", help="only these, by name")
    parser.add_argument("--searching", action="store_true", help=f"also {' and '.join(SEARCHING)}, which take long")
    given = parser.parse_args()
    chosen = given.policies or [name for name in names() if given.searching or name not in SEARCHING]
    found: list[Against] = []
    for path in sorted(Path("examples").glob("*/scenario.yaml")):
        if path.parent.name == "cdnow" or (given.examples and path.parent.name not in given.examples):
            continue
        found += played(path, chosen, given.replications, given.seeds)
        tell([each for each in found if each.example == path.parent.name])
        print(flush=True)
    tell(found)


if __name__ == "__main__":
    main()
