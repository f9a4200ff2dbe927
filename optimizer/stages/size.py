"""Campaigns that are run or not, and at least so large."""

from optimizer.ask.problem import AllocationProblem
from optimizer.search.campaign_sizes import Sized, sized
from optimizer.search.sequential import Maker
from optimizer.stages.search import Searched

__all__ = ["Sized", "size"]


def size(problem: AllocationProblem, searched: Searched, *, seconds: float, make: Maker) -> Sized:
    """Return the end of a search with every campaign at its least size or not run, and what those that run cost."""
    campaigns = problem.campaigns
    if not campaigns:
        return Sized(problem, searched.end, 0.0)
    return sized(problem, campaigns, searched.end, searched.stake, seconds, make)
