"""What is proved about a plan that was found."""

import time
from dataclasses import dataclass, replace

from optimizer.bound.by_money import bound_by_money
from optimizer.bound.decomposition import tightest_bound
from optimizer.bound.offered import charges_of
from optimizer.bound.pricing import Pricing
from optimizer.bound.targeting import targeting_bound
from optimizer.proof import TOO_LARGE, LiftProof, Proof, SpendProof, assumed
from optimizer.stages.prove import Proved
from optimizer.stages.repair import Repaired
from optimizer.stages.start import Start
from optimizer.tolerances import FAR
from sim.arrays import Progress

__all__ = ["BOUND_STEPS", "Certified", "certify", "unproved"]


BOUND_STEPS, CHARGES = 200, 5e8
"""Of the bound for the targeting, and charges that all steps move together, where no number of steps is asked for;
they end sooner where they close little."""
MOST_CHARGES = 1e7
"""Of one group, by which charges of a bound for the targeting are by joint points: several arrays of them are held, 80
MB each. Of more they are by money."""
QUICK = 10.0
"""Seconds of a time limit below which no bound for the targeting is tried: it takes as long to begin with."""
NONE = float("nan")


@dataclass(frozen=True)
class Certified:
    """The proof of a plan, and the seconds that it took."""

    proof: Proof
    seconds: float = 0.0

    @property
    def far(self) -> bool:
        """Return whether a bound leaves much open."""
        proof = self.proof
        return (proof.lift_share if isinstance(proof, LiftProof) else proof.share) < 1 - FAR

    def of(self, repaired: Repaired, found: str, seconds: float) -> "Certified":
        """Return the same bound for a better plan, with what its search found in words, after so many seconds more."""
        proof, reached = self.proof, _reached(repaired)
        assumes = proof.assumes + f"; {found}" * bool(found)
        if isinstance(proof, LiftProof):
            proof = replace(proof, asset=reached, assumes=assumes)
        else:
            proof = replace(proof, spend=reached, assumes=assumes)
        return Certified(proof, self.seconds + seconds)


def certify(
    begun: Start, proved: Proved, repaired: Repaired, *, bound_steps: int | None, seconds: float, threads: int,
    progress: Progress,
) -> Certified:  # fmt: skip
    """Return the proof of a plan: over the question as it was asked, whose campaigns may be of any size."""
    problem, best, end = begun.problem, proved.best, repaired.end
    own = problem.limits.size  # rules that hold campaigns to their sizes come after
    if problem.no_choice or (problem.no_money and problem.goal == "asset"):
        reached = end.course.asset if problem.goal == "asset" else float(end.course.spend.sum())
        return Certified(_proof(begun, repaired, reached, reached))
    began = time.perf_counter()
    bounded = problem.chain.bounded
    # Any prices give a bound: those of the plan too, and alone where the solver gave up.
    prices = [end.prices[:own]] if best is None else [best.prices_of_bound, end.prices[:own]]
    reference, _ = tightest_bound(problem, prices, repaired.intensity, threads)
    if problem.chain.contact_load.any() and bounded:
        charged = Pricing(problem, threads).contact_prices(end.prices[:own], repaired.intensity)
        charging = replace(problem, contact_prices=charged)
        with_charges, _ = tightest_bound(charging, prices, repaired.intensity, threads)
        if with_charges < reference:
            problem, reference = charging, with_charges
    bound, large = reference, False
    targeted = best is not None and problem.goal == "asset" and bounded and seconds >= QUICK
    charges, of_group = charges_of(problem) if targeted else (0, 0)
    if best is not None and targeted and of_group <= MOST_CHARGES:
        steps = min(BOUND_STEPS, int(CHARGES / charges)) if bound_steps is None else bound_steps
        bound = targeting_bound(
            problem, best, repaired.intensity, prices=end.prices[:own], known=reference, iterations=steps,
            by_law=bound_steps is None and steps < BOUND_STEPS, seconds=seconds, threads=threads, progress=progress,
        ).bound  # fmt: skip
    elif targeted:
        found = bound_by_money(
            problem, end.prices[:own], repaired.intensity, known=reference, threads=threads, progress=progress
        )
        bound, large = (reference, True) if found is None else (found, False)
    if problem.goal == "least_money":
        reference = bound = -reference
    proof = _proof(begun, repaired, bound if bounded else NONE, reference)
    if large:
        proof = replace(proof, assumes=proof.assumes + TOO_LARGE)
    return Certified(proof, time.perf_counter() - began)


def unproved(begun: Start, repaired: Repaired) -> Certified:
    """Return what is known of a plan without a bound."""
    lacks = LiftProof if begun.problem.goal == "asset" else SpendProof
    return Certified(lacks(_reached(repaired), begun.least.asset))


def _reached(repaired: Repaired) -> float:
    course = repaired.course
    return course.asset if repaired.problem.goal == "asset" else float(course.spend.sum())


def _proof(begun: Start, repaired: Repaired, bound: float, reference: float) -> Proof:
    problem = repaired.problem
    chain = problem.chain
    words = assumed(problem.no_choice, chain.couples, problem.ceiling is not None, chain.late is not None, chain.priced)
    kind = LiftProof if problem.goal == "asset" else SpendProof
    return kind(_reached(repaired), begun.least.asset, bound, reference, words)
