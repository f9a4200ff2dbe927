"""Decisions as records of runs: one parent for the question, one child for each policy or plan, each with its plan.

One experiment is one decision; several scenarios, budgets and verbs may stand in it. What every kind of answer shares
is here; what is its own is in :mod:`experiments.tracking.answers.records`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.tracking.call import Call
from experiments.tracking.content import code_version, scenario_params
from experiments.tracking.notes import note
from experiments.tracking.record import Base, Record, Series
from experiments.tracking.views import DECISION, LEADERBOARD_TAG, View, link_of, stored, views_of
from experiments.words.figures import short
from optimizer.plan import Plan
from sim.errors import TenureError
from sim.scenario.file import Scenario, load
from sim.twin import Twin

__all__ = ["LONGEST_DIFFERENCE", "TODAY", "About", "Decision", "differing"]

LONGEST_DIFFERENCE = 1000
TODAY = "as today's spend"
"""The budget of a scenario that states none."""


@dataclass(frozen=True)
class About:
    """What a user says of a decision beside the question.

    Attributes
    ----------
    experiment : str
        The decision; nothing: the scenario's budget.
    name : str
        Of the run; nothing: made from what was found.
    note : str
        What it is for.
    command : str
        How it was asked.
    world : str
        Which of several worlds; nothing: the scenario's name.
    """

    experiment: str = ""
    name: str = ""
    note: str = ""
    command: str = ""
    world: str = ""


@dataclass(frozen=True, eq=False)
class Decision:
    """An answer with all that its runs say.

    Attributes
    ----------
    answer
        A comparison, plan, frontier, risk, or allocation over curves.
    said : str
        The answer in a sentence.
    call : Call
        What was asked.
    twin : Twin, optional
        Of the firm; None: curves from elsewhere.
    file : Path, optional
        The scenario's.
    about : About
    plans : tuple of (name, Plan)
        Those of the policies that play one.
    pages : mapping of str to bytes
        To be kept with the decision's run, such as a report.
    """

    answer: Any
    said: str
    call: Call
    twin: Twin | None = None
    file: Path | None = None
    about: About = field(default_factory=About)
    plans: tuple[tuple[str, Plan], ...] = ()
    pages: Mapping[str, bytes] = field(default_factory=dict)
    began: int = field(default_factory=lambda: int(time.time() * 1000))

    @property
    def scenario(self) -> Scenario:
        """Return the scenario of the firm."""
        assert self.twin is not None, "curves from elsewhere have no scenario"
        return self.twin.scenario

    @property
    def world(self) -> str:
        """Return the name of the world, with the signs of a name's part."""
        return self.about.world or (self.scenario.name if self.twin is not None else "curves")

    @cached_property
    def experiment(self) -> str:
        """Return the name of the experiment."""
        name = self.about.experiment or (
            f"{self.scenario.name}: marketing budget" if self.twin is not None else "budget over curves"
        )
        return " ".join(name.split())[:500] or "decision"

    @cached_property
    def params(self) -> dict[str, str]:
        """Return what every run of the decision follows from."""
        own = {"world": self.world, "code.version": code_version()}
        return (scenario_params(self.scenario) | own) if self.twin is not None else own

    @property
    def budget(self) -> str:
        """Return the budget as it was asked for: a figure that follows from others is none of its own."""
        question = self.call.arguments.get("question")
        given = self.call.arguments.get("budget") if question is None else question.budget
        stated = self.scenario.rules.budget if given is None and self.twin is not None else given
        return TODAY if stated is None else f"{stated:.12g}"

    @cached_property
    def differs(self) -> str:
        """Return the keys that are not as in the scenario's file; nothing where all are, or it is not there."""
        from experiments.words.difference import differ_briefly, scenarios_differ

        written = self._written
        return "" if written is None else differ_briefly(scenarios_differ(written, self.scenario))[:LONGEST_DIFFERENCE]

    @cached_property
    def _written(self) -> Scenario | None:
        """Return the scenario as its file says it; None where that is not known."""
        if self.twin is None or self.file is None:
            return None
        try:
            return load(self.file)
        except (TenureError, OSError):
            return None

    def name(self, budget: float, policy: str, gain: float | None, worth: float) -> str:
        """Return a run's name, such as ``rival / 150k / plan: +53k``."""
        value = f"worth {short(worth)}" if gain is None else short(gain, signed=True)
        return f"{self.world} / {short(budget, digits=4)} / {policy}: {value}"

    def tags(self, layer: str, key: str, **more: str) -> dict[str, str]:
        """Return tags that every run of the decision has."""
        named = {"purpose": self.about.note, "command": self.about.command, "differs": self.differs}
        own = {"layer": layer, "verb": self.call.verb, "study": self.about.name or self.call.verb, "study_key": key}
        if self.twin is not None:
            scenario = self.scenario
            own |= {
                "scenario": scenario.name, "scenario_hash": scenario.hash, "world": self.world,
                "currency": scenario.currency,
            }  # fmt: skip
        found = {name: text for name, text in {**own, **named, **more}.items() if text}
        return dict(sorted(found.items(), key=lambda each: each[0].endswith(("_key", "_hash"))))  # digests last

    def record(
        self,
        key: str,
        name: str,
        *,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        metrics: Series,
        files: Mapping[str, bytes],
        parent: str = "",
        views: Sequence[View] = (),
    ) -> Record:
        """Return a run of the decision."""
        links = {f"view.{view.title}": link_of(view) for view in views}
        board = {LEADERBOARD_TAG: link_of(views[0])} if views else {}
        return Record(
            key=key, experiment=self.experiment, name=name[:250], params={**self.params, **params},
            metrics=metrics, tags={**tags, **links, **board}, files={**self._scenario_file, **files}, parent=parent,
            base=self._base, began=self.began, ended=max(self.began, int(time.time() * 1000)),
            experiment_tags=stored(views),
        )  # fmt: skip

    def note(self, answer: str, body: Sequence[str], *, views: Sequence[View] = (), key: str = "") -> str:
        """Return what a run says about itself."""
        names = {"Unit": key[:16], "code": code_version()}
        if self.twin is not None:
            names = {"Scenario": self.scenario.hash[:16], **names}
        return note(
            answer, body, purpose=self.about.note, views=views, command=self.about.command, names=names,
            currency=self.scenario.currency if self.twin is not None else "",
        )  # fmt: skip

    def views(self, key: str, params: Sequence[Mapping[str, str]]) -> list[View]:
        """Return the prepared views of the decision's runs."""
        worlds = {each.get("world") for each in params}
        which = f"tags.study_key = '{key}' and {DECISION}"
        return views_of(key[:8], which, differing(params), len(worlds) > 1)

    @cached_property
    def _base(self) -> Base | None:
        if self.twin is None or self.scenario.base is None:
            return None
        base = self.scenario.base
        return Base(Path(base.file).name, self.scenario.base_digest, str((self.scenario.folder / base.file).resolve()))

    @cached_property
    def _scenario_file(self) -> dict[str, bytes]:
        """Return the scenario as the user wrote it, comments and all, where the file still says the same."""
        if self.twin is None:
            return {}
        if self._written is not None and self._written.hash == self.scenario.hash and self.file is not None:
            return {"scenario.yaml": self.file.read_bytes()}
        import yaml

        content = self.scenario.model_dump(mode="json", exclude_defaults=True, exclude={"folder"})
        return {"scenario.yaml": yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()}


def differing(params: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the parameters in which runs differ."""
    names = dict.fromkeys(name for each in params for name in each)
    return [name for name in names if len({each.get(name) for each in params}) > 1]
