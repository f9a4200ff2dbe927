"""The options of ``tenure optimize`` as a question to the optimiser."""

from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError

if TYPE_CHECKING:
    from optimizer.question import Question
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["question_of"]


def question_of(
    found: "Scenario",
    twin: "Twin",
    *,
    budget: float | None,
    targeting: str,
    reach: str | None,
    base: Path | None,
    more: float | None,
    within: float | None,
    freeze: list[str],
) -> "Question":
    """Return the question that options ask.

    Raises
    ------
    InputError
        If an option cannot be understood, or two do not go together.
    """
    import numpy as np

    from optimizer.ask.cells import TARGETINGS
    from optimizer.plan import Plan
    from optimizer.question import Question, parse_slice, parse_target

    if targeting not in TARGETINGS:
        raise InputError(f"--targeting {targeting}: expected one of {', '.join(TARGETINGS)}")
    for name, number in (("--more", more), ("--within", within)):
        if number is not None and not 0 <= number <= 1e18:
            raise InputError(f"{name} {number:g}: expected a number of at least 0")
    if base is None and (more is not None or freeze):
        raise InputError(f"{'--more' if more is not None else '--freeze'}: needs --base PLAN, the plan to start from")
    if base is not None and more is None and within is None and not freeze:
        raise InputError("--base: is where --more, --within or --freeze start from; give one of them")
    near = None if base is None else Plan.load(base, twin.targets, twin.chain.periods).intensity
    frozen = None
    if freeze:
        frozen = np.zeros((twin.chain.periods, *twin.targets.shape), dtype=bool)
        for text in freeze:
            frozen |= parse_slice(text, twin.chain)
    return Question(
        budget=budget,
        targeting=targeting,
        reach=None if reach is None else parse_target(reach, found),
        base=near,
        more=more,
        within=within,
        frozen=frozen,
    )
