"""The scenario file: one frozen, validated description of customers, levers, market, money and rules.

Its keys are in :mod:`sim.scenario.keys`, what they say together in :mod:`sim.scenario.consistent`. ``load`` turns every
mistake in a file into one :class:`~sim.errors.ScenarioError` that names file, key, what was expected and what came.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from sim.errors import FolderError, ScenarioError
from sim.purchases.base import content_digest
from sim.reading import read_text
from sim.scenario.changes import changed
from sim.scenario.consistent import check_consistent
from sim.scenario.customers import (
    BASE_SEGMENTS,
    CUSTOMER_STAGES,
    STAGES,
    TIERS,
    ExplicitAction,
    Gamma,
    GammaGamma,
    ParetoNBD,
    Segment,
    Thresholds,
    Traits,
)
from sim.scenario.joint import Joint
from sim.scenario.keys import PERIODS_PER_YEAR, WEEKS_PER_PERIOD, Keys
from sim.scenario.market import Competitor, Lever, Shock
from sim.scenario.named import leave_out_what_says_nothing
from sim.scenario.ranges import corners, replaced
from sim.scenario.rules import Rules
from sim.scenario.wrong import explained
from sim.scenario.yaml_files import read_yaml

__all__ = [
    "BASE_SEGMENTS",
    "CUSTOMER_STAGES",
    "PERIODS_PER_YEAR",
    "STAGES",
    "TIERS",
    "WEEKS_PER_PERIOD",
    "Competitor",
    "ExplicitAction",
    "Gamma",
    "GammaGamma",
    "Lever",
    "ParetoNBD",
    "Rules",
    "Scenario",
    "Segment",
    "Shock",
    "Thresholds",
    "Traits",
    "load",
    "parse",
    "read_content",
    "schema",
]

HALF = 32
"""Digits of a hash that name the file's content where the rest names the base's."""


class Scenario(Keys):
    """Everything the simulator, the fluid twin and the optimiser know."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_consistent(self)
        return self

    @property
    def discount_per_period(self) -> float:
        """Return ``d`` with ``(1 + d)^(periods per year) = 1 + discount_rate``."""
        return float((1 + self.discount_rate) ** (1 / PERIODS_PER_YEAR[self.period]) - 1)

    @property
    def hash(self) -> str:
        """Return what names the scenario's content: 64 hexadecimal digits, the same for the same customers and rules.

        Days only name periods, and do not count.

        Without a base, the SHA-256 of the content (not of its layout or comments); with one, the first half of that and
        the first half of the base's (:func:`sim.purchases.base.content_digest`), as it was when first asked for.

        Raises
        ------
        FolderError
            If the base is missing or is not one.
        """
        known = self.model_dump(mode="json", exclude={"first_day"})
        leave_out_what_says_nothing(known)
        content = json.dumps(known, sort_keys=True)
        own = hashlib.sha256(content.encode()).hexdigest()
        return own if self.base is None else own[:HALF] + self.base_digest[:HALF]

    @property
    def base_files(self) -> dict[str, Path]:
        """Return the files of the base: ``base``, and ``segments`` where they have one; none without a base."""
        if self.base is None:
            return {}
        segments = None if self.base.segments is None else self.base.segments.file
        own = {} if segments is None else {"segments": self.folder / segments}
        return {"base": self.folder / self.base.file, **own}

    @cached_property
    def base_digest(self) -> str:
        """Return the fingerprint of the base, and of a file of its segments; nothing without a base."""
        files = self.base_files
        if not files:
            return ""
        purchases = content_digest(files["base"])
        if "segments" not in files:
            return purchases
        try:
            labels = files["segments"].read_bytes()
        except OSError as error:
            raise FolderError(f"{files['segments']}: cannot be read ({error.strerror})") from None
        return hashlib.sha256(purchases.encode() + labels).hexdigest()

    def differs(self, other: str) -> Literal["no", "base", "yes"]:
        """Return whether a hash is another scenario's; ``base``: of the same file with other customers in its base."""
        mine = self.hash
        if other == mine:
            return "no"
        return "base" if self.base is not None and other[:HALF] == mine[:HALF] else "yes"


def load(path: str | Path, changes: Mapping[str, Any] | None = None) -> Scenario:
    """Return the scenario in a YAML file, with some keys changed, each by its path (:mod:`sim.scenario.changes`).

    Raises
    ------
    ScenarioError
        If it is missing, is not YAML, has an unknown key or one twice, or a value does not fit.
    FolderError
        If the file cannot be read.
    """
    content = read_content(path)
    return parse(changed(content, changes, str(path)) if changes else content, str(path))


def read_content(path: str | Path) -> dict[str, Any]:
    """Return what a scenario's file says, not yet checked, with the folder it lies in.

    Raises
    ------
    ScenarioError
        If it is missing, is not YAML, has a key twice, or is no scenario.
    FolderError
        If the file cannot be read.
    """
    path = Path(path)
    missing = "give a scenario file, or make one with `tenure demo` or `tenure calibrate`"
    text = read_text(path, missing, ScenarioError)
    content = read_yaml(text, path, ScenarioError)
    if not isinstance(content, dict):
        what = "is empty" if content is None else f"holds {type(content).__name__}, not keys with values"
        raise ScenarioError(f"{path}: {what}; a scenario starts with `name:`")
    if "folder" in content:
        raise ScenarioError(f"{path}: folder: unknown key")
    return {**content, "folder": path.resolve().parent}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files, for editors: every key with its unit and default.

    Examples
    --------
    >>> sorted(tenure.schema()["required"])
    ['name', 'periods']
    """
    content = Scenario.model_json_schema()
    content["properties"].pop("folder")
    return content


def parse(content: dict[str, Any], where: str = "scenario", *, ranges: bool = True) -> Scenario:
    """Return the scenario in ``content``; ``where`` names its source in errors, ``ranges``: try what is uncertain.

    Raises
    ------
    ScenarioError
        If a value does not fit, or one in the range of an uncertain number would not.
    """
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {explained(error, Scenario)}") from None
    if ranges:
        _check_ranges(scenario, where)
    return scenario


def _check_ranges(scenario: Scenario, where: str) -> None:
    """Raise where a number that is uncertain could not be in a scenario, at an end of its range."""
    if not scenario.uncertain:
        return
    content = scenario.model_dump(mode="json", exclude_unset=True, exclude={"uncertain"})
    try:
        Joint.of(content, scenario.uncertain)
    except KeyError as error:
        raise ScenarioError(
            f"{where}: uncertain: '{error.args[0]}' leads to no number that the scenario states"
        ) from None
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from None
    for values in corners(scenario.uncertain):
        stated = ", ".join(f"{path} = {value:g}" for path, value in values.items())
        try:
            Scenario.model_validate(replaced(content, values))
        except ValidationError as error:
            raise ScenarioError(
                f"{where}: uncertain: {stated} cannot be: {explained(error, Scenario)}; narrow the range"
            ) from None
