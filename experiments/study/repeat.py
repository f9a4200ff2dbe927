"""A run once more: what it kept is fetched, asked again, and held against its bits."""

from __future__ import annotations

import inspect
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.arrays import Step, quiet

if TYPE_CHECKING:
    from experiments.tracking.kept import KeptRun

__all__ = ["Repeated", "repeat"]


@dataclass(frozen=True)
class Repeated:
    """What came of a run's repetition.

    Attributes
    ----------
    run_id, name, verb : str
    same : bool
        Whether every figure has the same bits.
    answer : str
        What it answers now.
    code, code_then : str
        Versions that run now, and that made the run.
    asked : str
        The run that was named, where it is a part of this one.
    """

    run_id: str
    name: str
    verb: str
    same: bool
    answer: str
    code: str
    code_then: str
    asked: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    def in_words(self) -> str:
        """Return whether it is the same, and why it may not be."""
        if self.same:
            verdict = "Same bits: every figure is that of the run."
        elif self.code == self.code_then:
            verdict = "Other bits, with the same versions on the same kind of machine: this should not be."
        else:
            verdict = "Other bits; the run was made with other versions."
        part = f"Run {self.asked} is a part of the next. " if self.asked not in ("", self.run_id) else ""
        lines = [f"{part}Run {self.run_id} ({self.name}), {self.verb} once more.", verdict, self.answer]
        if self.code != self.code_then:
            lines += [f"Then: {self.code_then}", f"Now:  {self.code}"]
        return "\n".join(lines)


def repeat(
    run_id: str,
    folder: str | Path = ".",
    *,
    tracking_uri: str = "",
    threads: int | None = None,
    progress: Step | None = None,
) -> Repeated:
    """Make a tracked run once more from what it kept, and compare bits.

    Parameters
    ----------
    folder
        Whose store the run is in.
    tracking_uri
        Server or database instead.

    Raises
    ------
    InputError
        If there is no such run, or something that it takes is missing: a base that was moved or changed, a policy that
        was an object in Python.

    Examples
    --------
    >>> kept = firm.compare(["as today", "no spend"], replications=2).track("tracked")
    >>> tenure.repeat(kept.run_id, "tracked").same
    True
    """
    from experiments.study.kept import STUDY, study_again
    from experiments.study.plays import PLAY, play_again
    from experiments.tracking.content import running_code
    from experiments.tracking.kept import fetch

    step = progress or quiet
    step("Fetching what the run kept")
    with tempfile.TemporaryDirectory() as place:
        kept = fetch(run_id, Path(folder).resolve(), tracking_uri, Path(place))
        if kept.verb == PLAY:
            bits, said = play_again(kept, threads or 1)
        elif kept.verb == STUDY:
            bits, said = study_again(kept, threads, step)
        else:
            bits, said = _verb_again(kept, threads, step)
        same, now = bits == kept.bits, running_code()
        return Repeated(kept.run_id, kept.name, kept.verb, same, said, now, kept.code, run_id)


def _verb_again(kept: KeptRun, threads: int | None, step: Step) -> tuple[str, str]:
    """Return the bits of an answer that is asked for once more, and the answer."""
    from experiments.allocate import allocate
    from experiments.firm import Firm
    from experiments.tracking.call import bits_of

    given = {name: _argument(value, kept.folder) for name, value in kept.arguments.items()}
    if kept.verb == "allocate":
        answer: Any = allocate(**given)
    else:
        method, several = getattr(Firm.of(kept.scenario()), kept.verb), given.pop("evidence", ())
        hands = {"threads": threads, "progress": step}
        taken = inspect.signature(method).parameters
        answer = method(*several, **given, **{name: each for name, each in hands.items() if name in taken})
    return bits_of(answer), answer.answer()


def _argument(value: Any, folder: Path) -> Any:
    """Return an argument as it was: files where they were fetched to, a question as one."""
    if isinstance(value, list):
        return [_argument(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"file", "more"}:
        return f"{folder / value['file']}{value['more']}"
    if set(value) == {"question"}:
        from experiments.question import Question

        return Question(**{name: _argument(each, folder) for name, each in value["question"].items()})
    return {name: _argument(each, folder) for name, each in value.items()}
