"""A run once more: what it kept is fetched, asked again, and held against its bits."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sim.arrays import Step, quiet

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
    """

    run_id: str
    name: str
    verb: str
    same: bool
    answer: str
    code: str
    code_then: str

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
        lines = [f"Run {self.run_id} ({self.name}), {self.verb} once more.", verdict, self.answer]
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
    from experiments.allocate import allocate
    from experiments.firm import Firm
    from experiments.study.plays import PLAY, play_again
    from experiments.tracking.call import bits_of
    from experiments.tracking.content import running_code
    from experiments.tracking.kept import fetch

    step = progress or quiet
    step("Fetching what the run kept")
    with tempfile.TemporaryDirectory() as place:
        kept = fetch(run_id, Path(folder).resolve(), tracking_uri, Path(place))
        if kept.verb == PLAY:
            bits, said = play_again(kept, threads or 1)
            return Repeated(run_id, kept.name, kept.verb, bits == kept.bits, said, running_code(), kept.code)
        if kept.verb == "allocate":
            given = {name: _argument(value, kept.folder) for name, value in kept.arguments.items()}
            answer: Any = allocate(**given)
        else:
            firm = Firm.of(kept.scenario())
            given = {name: _argument(value, kept.folder) for name, value in kept.arguments.items()}
            hands = {} if kept.verb == "monitor" else {"threads": threads}
            answer = getattr(firm, kept.verb)(**given, **hands, progress=step)
        return Repeated(
            run_id, kept.name, kept.verb, bits_of(answer) == kept.bits, answer.answer(), running_code(), kept.code
        )


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
