"""The scenario file: one frozen, validated description of customers, levers, market, money and rules.

Its parts are in :mod:`sim.scenario.customers` and :mod:`sim.scenario.market`. Every field carries its unit and, where
it has a default, why that default. ``load`` turns every mistake in a file into one :class:`~sim.errors.ScenarioError`
that names file, key, what was expected and what came.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from sim.errors import FolderError, InputError, ScenarioError
from sim.purchases.base import content_digest
from sim.reading import read_text
from sim.scenario.bonds import Categories, Club, Links, missing_bond, refuse_start
from sim.scenario.changes import changed
from sim.scenario.curves import Gain, Label, Model, Share
from sim.scenario.customers import (
    BASE_SEGMENTS,
    CUSTOMER_STAGES,
    STAGES,
    TIERS,
    Base,
    CostToServe,
    ExplicitAction,
    ExplicitChain,
    Gamma,
    GammaGamma,
    ParetoNBD,
    Partner,
    Segment,
    Thresholds,
    Traits,
)
from sim.scenario.feelings import Employees, Satisfaction, Survey
from sim.scenario.joint import Joint
from sim.scenario.linear import parse_linear
from sim.scenario.market import Competitor, Lever, Shock
from sim.scenario.named import leave_out_what_says_nothing
from sim.scenario.people import born
from sim.scenario.ranges import corners, replaced
from sim.scenario.rules import Evidence, Rules, Uncertain
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

WEEKS_PER_PERIOD = {"week": 1.0, "month": 365.25 / 12 / 7, "quarter": 365.25 / 4 / 7, "year": 365.25 / 7}
MOST_PEOPLE = 1e9
"""Most people who may appear in a segment over the horizon."""
HALF = 32
"""Digits of a hash that name the file's content where the rest names the base's."""
LAST_DAY = date(9999, 1, 1)
"""Beyond which no calendar goes."""
PERIODS_PER_YEAR = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}


class Scenario(Model):
    """Everything the simulator, the fluid twin and the optimiser know."""

    name: Label = Field(min_length=1, description="what the scenario is called in tables and runs")
    currency: str = Field(default="", description="unit of money, shown in reports; default: none shown")
    period: Literal["week", "month", "quarter", "year"] = Field(default="month", description="default: planning rhythm")
    periods: Annotated[int, Field(ge=1, le=1200, strict=True)] = Field(description="horizon")
    first_day: date | None = Field(
        default=None, description="on which the first period begins; none: the day after the base's as_of, or not known"
    )
    discount_rate: Share = Field(default=0.1, description="per year; 10 %: a usual cost of capital")
    terminal: Literal["value-to-go", "none"] = Field(
        default="value-to-go", description="value after the horizon under today's spend, or none"
    )
    margin: Share = Field(default=1.0, description="margin rate on revenue; 1: amounts are margins already")
    cost_to_serve: CostToServe = Field(default_factory=CostToServe, description="none unless stated")
    law: Literal["silent", "contractual", "renewal"] = Field(
        default="silent",
        description="silent: leaving is not seen (default, the usual shop); contractual: leaving is seen at once; "
        "renewal: seen too, and every survivor of a period pays once",
    )
    loss: Share = Field(default=0.0, description="silently gone customers lost for good, per period; 0: none")
    stages: Thresholds = Field(
        default_factory=Thresholds, description="when a customer counts as core, declining or lapsed; default: as there"
    )
    base: Base | None = Field(default=None, description="a firm's real customers; none: synthetic segments only")
    segments: dict[Label, Segment] = Field(
        default_factory=dict, description="groups of customers and people to win, by name; none: the base's only"
    )
    levers: dict[Label, Lever] = Field(
        default_factory=dict, description="marketing instruments, by name; at least one unless there is a chain"
    )
    chain: ExplicitChain | None = Field(default=None, description="a chain in place of the lifecycle")
    satisfaction: Satisfaction | None = Field(default=None, description="of customers; none: not in the model")
    employees: Employees | None = Field(default=None, description="their satisfaction; none: not in the model")
    links: Links | None = Field(default=None, description="ties to the firm; none: not in the model")
    categories: Categories | None = Field(
        default=None, description="categories that customers buy one by one; none: one, as ever"
    )
    club: Club | None = Field(default=None, description="members by grade, with rewards; none: not in the model")
    partner: Partner | None = Field(
        default=None, description="purchases through a partner at a commission; none: all come direct"
    )
    word_of_mouth: Gain | dict[str, dict[str, Gain]] = Field(
        default=0.0,
        description="by how much chances of awareness and winning rise (a share) per net promoter share of 1 above the "
        "data's; a number: from all customers to everybody; or {to segment: {from segment: number}}; 0: none",
    )
    share_of_customer: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="our part of customers' purchases in the category today; none: not in the model"
    )
    survey: Survey | None = Field(default=None, description="of satisfaction; none: the firm never asks")
    seasons: tuple[Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)], ...] = Field(
        default=(), description="purchase rate by period of the season, from the first period on, relative to its mean"
    )
    competitors: tuple[Competitor, ...] = Field(default=(), description="rivals who act on the market; default: none")
    shocks: tuple[Shock, ...] = Field(
        default=(), description="what happens to the market on given dates; default: none"
    )
    rules: Rules = Field(default_factory=Rules, description="what a plan must keep to; default: as there")
    uncertain: tuple[Uncertain, ...] = Field(
        default=(), description="numbers of this file that are not known, with their ranges; for risk"
    )
    evidence: tuple[Evidence, ...] = Field(
        default=(), description="where curves come from, as `tenure learn` found; none: all are as answered here"
    )
    folder: Path = Field(default=Path(), exclude=True, description="where the file was; set by load")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = set(self.levers) | ({self.chain.lever, *self.chain.levers} if self.chain else set())
        self._check_rules(names)
        if self.base is not None and self.first_day not in (None, self.begins):
            raise ValueError(
                f"first_day: the base's purchases end on {self.base.as_of}, so it is {self.begins}; leave it out"
            )
        if self.begins is not None and self.begins > LAST_DAY - timedelta(days=366 * _years(self)):
            raise ValueError(f"first_day: the horizon ends after the year {LAST_DAY.year}, got {self.begins}")
        if self.chain is None:
            self._check_lifecycle()
        else:
            self._check_chain(self.chain)
        if self.terminal == "value-to-go" and self.discount_rate == 0:
            raise ValueError("terminal: value-to-go needs a discount_rate above 0; or say terminal: none")
        return self

    def _check_rules(self, levers: set[str]) -> None:
        """Raise where a rule names what is not there."""
        rules = self.rules
        segments = set(self.segments) | set(self.base_segments)
        stages = set(self.chain.states) if self.chain else set(STAGES)
        known = {"levers": levers, "segments": segments, "stages": stages}
        named = [("rules.levers", name, levers) for name in rules.levers]
        several = self.chain is not None and self.chain.lever not in self.chain.levers  # campaigns are of one each
        single = set(self.chain.levers) if self.chain and several else levers
        named += [("rules.campaigns", name, single) for name in rules.campaigns]
        for where, rule in _stated(rules):
            named += [(f"{where}.{key}", name, known[key]) for key in known for name in getattr(rule, key, ())]
            if max(getattr(rule, "start", 0) + 1, getattr(rule, "end", None) or 1) > self.periods:
                raise ValueError(f"{where}: lies beyond the {self.periods} periods of the horizon")
            if (getattr(rule, "at", None) or 0) > self.periods:
                raise ValueError(f"{where}.at: lies beyond the {self.periods} periods of the horizon")
        for i, linear in enumerate(rules.linear, 1):
            parts = linear.parts_by_name(*(sorted(known[key]) for key in ("levers", "segments", "stages")))
            where = f"rules.linear[{i}]"
            try:
                used = parse_linear(linear.rule, list(parts), where, "the scenario").weights
            except InputError as error:
                raise ValueError(str(error)) from None
            for name in used:
                part = parts[name]
                if part is None:
                    raise ValueError(f"{where}: '{name}' stands for two things; name what is meant under `parts:`")
                named += [(where, lever, levers) for lever in part.levers]
        for key, people in rules.people.items():
            if people.count == "satisfaction" and self.satisfaction is None:
                raise ValueError(f"rules.people.{key}: needs `satisfaction:`, which the scenario does not state")
        for where, name, there in named:
            if name not in there:
                raise ValueError(_unknown(where, name, there))
            if (there is levers or there is single) and name in self.levers and self.levers[name].pays != "budget":
                raise ValueError(
                    f"{where}: '{name}' is `pays: {self.levers[name].pays}`, and rules of money count marketing money; "
                    f"limit it with `levers.{name}.most`"
                )
        if rules.contacts is not None and all(lever.cost_per_contact is None for lever in self.levers.values()):
            raise ValueError("rules.contacts: needs a cost_per_contact on some lever")
        if rules.stretches and rules.stretches.amounts is not None:
            wanted = -(-self.periods // rules.stretches.every)
            if len(rules.stretches.amounts) != wanted:
                raise ValueError(
                    f"rules.stretches.amounts: expected {wanted} amounts for {self.periods} periods, "
                    f"got {len(rules.stretches.amounts)}"
                )

    def _check_lifecycle(self) -> None:
        known = set(self.segments) | set(self.base_segments)
        if not known:
            raise ValueError("segments: expected at least one segment, or a base")
        if not self.levers:
            raise ValueError("levers: expected at least one lever")
        self._check_market(known)
        tiers = {"low", "middle", "high"} if self.base else set()
        if any(segment.traits is not None for segment in self.segments.values()):
            tiers.add("unknown")
        for name, lever in self.levers.items():
            if not tiers & set(lever.tiers):
                raise ValueError(f"levers.{name}.tiers: reaches nobody; here the tiers are {', '.join(sorted(tiers))}")
            for where in lever.by_segment:
                if where not in known:
                    raise ValueError(_unknown(f"levers.{name}.by_segment", where, known))
        for name, segment in self.segments.items():
            if name in self.base_segments:
                given = ("start", "births", "traits", "quality", "diffusion", "growth")
                if any(getattr(segment, key) for key in given):
                    raise ValueError(
                        f"segments.{name}: comes from the base; {', '.join(given[:-1])} and {given[-1]} cannot be given"
                    )
                continue
            if segment.traits is None:
                raise ValueError(f"segments.{name}.traits: missing")
            if segment.actions is not None:
                raise ValueError(f"segments.{name}.actions: only for a scenario with a chain; remove it")
            for stage in segment.start:
                if stage not in STAGES:
                    raise ValueError(_unknown(f"segments.{name}.start", stage, set(STAGES)))
            if not segment.start and not segment.births:
                raise ValueError(f"segments.{name}.start: missing; say how many are in which stage")
            self._check_people(f"segments.{name}", segment)
            if self.law == "renewal" and segment.traits.purchase_rate != 1:
                raise ValueError(
                    f"segments.{name}.traits.purchase_rate: under `law: renewal` every survivor pays once a period; "
                    "expected 1"
                )

    def _check_people(self, where: str, segment: Segment) -> None:
        """Raise where who is there or comes is said of what the scenario does not have."""
        for stage, each in segment.standing:
            if each.satisfaction is not None and self.satisfaction is None:
                raise ValueError(
                    f"{where}.start.{stage}.satisfaction: needs `satisfaction:`, which the scenario does not state"
                )
            refuse_start(f"{where}.start.{stage}", each, self.links, self.categories, self.club)
        for stage, births in segment.births.items():
            if isinstance(births, tuple) and len(births) != self.periods:
                raise ValueError(
                    f"{where}.births.{stage}: expected a number for each of {self.periods} periods, got {len(births)}"
                )
            if sum(born(births, t) for t in range(self.periods)) > MOST_PEOPLE:
                raise ValueError(f"{where}.births.{stage}: more than {MOST_PEOPLE:,.0f} people over the horizon")

    def _check_market(self, known: set[str]) -> None:
        """Raise where something needs what the scenario does not have, or names a segment that is not there."""
        needs = {"satisfaction": "satisfaction", "employee": "employees"}
        needs |= {"preference": "share_of_customer", "annoyance": "satisfaction", "direct": "partner"}
        wanted = [
            (f"levers.{name}.moves.{e}", needs[e]) for name, v in self.levers.items() for e in v.moves if e in needs
        ]
        wanted += [(key, "satisfaction") for key in ("employees", "survey", "word_of_mouth") if getattr(self, key)]
        leavers = self.employees.turnover if self.employees else None
        wanted += [("employees.turnover.falls", "links")] if leavers and not leavers.cost else []
        wanted += [
            (f"shocks.{s.name}", needs.get(s.route, "links"))
            for s in self.shocks
            if s.route in ("satisfaction", "employee", "turnover")
        ]
        wanted += [
            (f"segments.{name}.value_to_customer.bring", "satisfaction")
            for name, segment in self.segments.items()
            if segment.value_to_customer is not None and segment.value_to_customer.bring > 0
        ]
        wanted += [
            (f"segments.{name}.{key}", key)
            for name, segment in self.segments.items()
            for key in ("share_of_customer", "partner")
            if getattr(segment, key) is not None
        ]
        lacking = [(where, what) for where, what in wanted if getattr(self, what) is None]
        lacking += [
            (f"levers.{name}.moves.{effect}", what)
            for name, lever in self.levers.items()
            for effect in lever.moves
            if (what := missing_bond(effect, self.links, self.categories, self.club))
        ]
        for where, what in lacking:
            raise ValueError(f"{where}: needs `{what}:`, which the scenario does not state")
        named = [
            (f"{kind}.{each.name}.segments", s)
            for kind, all_ in (("competitors", self.competitors), ("shocks", self.shocks))
            for each in all_
            for s in each.segments
        ]
        if isinstance(self.word_of_mouth, dict):
            named += [("word_of_mouth", s) for s in self.word_of_mouth]
            named += [(f"word_of_mouth.{to}", s) for to, row in self.word_of_mouth.items() for s in row]
        for name, lever in self.levers.items():
            named += [(f"levers.{name}.spills_over", s) for s in lever.spills_over]
            named += [(f"levers.{name}.spills_over.{to}", s) for to, row in lever.spills_over.items() for s in row]
        for where, segment in named:
            if segment not in known:
                raise ValueError(_unknown(where, segment, known))
        if self.law == "renewal":
            self._check_renewal()
        if self.seasons and sum(self.seasons) == 0:
            raise ValueError("seasons: expected at least one number above 0")
        if self.base and self.law != "silent":
            raise ValueError(f"law: a base's customers leave silently (Pareto/NBD); expected silent, got {self.law}")

    def _check_renewal(self) -> None:
        """Raise where something moves the purchase rate, which a renewal does not have."""
        moved = [
            *(
                f"levers.{n}.moves.{e}"
                for n, v in self.levers.items()
                for e in ("purchase_rate", "preference")
                if e in v.moves
            ),
            *(f"competitors.{rival.name}" for rival in self.competitors if "share of customer" in rival.strengths),
            *(f"shocks.{shock.name}" for shock in self.shocks if shock.route == "purchase rate"),
            *(["seasons"] if self.seasons else []),
            *(["share_of_customer"] if self.share_of_customer is not None else []),
            *(
                ["satisfaction.purchase_rate_per_level"]
                if self.satisfaction and self.satisfaction.purchase_rate_per_level
                else []
            ),
            *(["categories.purchase_rate"] if self.categories and set(self.categories.purchase_rate) - {1.0} else []),
            *(["club.purchase_rate"] if self.club and set(self.club.purchase_rate) - {1.0} else []),
            *(
                f"segments.{name}.growth.purchase_rate"
                for name, segment in self.segments.items()
                if segment.growth and segment.growth.purchase_rate
            ),
        ]
        if moved:
            raise ValueError(f"{moved[0]}: moves the purchase rate, which `law: renewal` fixes at one payment a period")

    def _check_chain(self, chain: ExplicitChain) -> None:
        taken = (
            "base", "levers", "competitors", "shocks", "satisfaction", "employees", "links", "word_of_mouth",
            "categories", "club", "partner", "share_of_customer", "survey", "seasons", "cost_to_serve", "law",
        )  # fmt: skip
        extra = [name for name in taken if name in self.model_fields_set]
        if extra:
            raise ValueError(f"chain: takes the place of {extra[0]}; remove that")
        if not self.segments:
            raise ValueError("segments: expected at least one segment with its start")
        size = len(chain.states)
        if len(set(chain.states)) < size:
            raise ValueError("chain.states: each name once")
        for key, states in (("gone", chain.gone), ("targets", chain.targets or ())):
            for state in states:
                if state not in chain.states:
                    raise ValueError(_unknown(f"chain.{key}", state, set(chain.states)))
        unused = {"margin", "loss", "stages"}
        people = {"traits", "births", "quality", "value_to_customer", "cost_to_serve", "diffusion", "growth"}
        people |= {"share_of_customer", "partner"}
        for where, given in [("", self.model_fields_set)] + [
            (f"segments.{name}.", segment.model_fields_set) for name, segment in self.segments.items()
        ]:
            extra = sorted((unused | (people if where else set())) & given)
            if extra:
                raise ValueError(f"{where}{extra[0]}: has no meaning in a chain of one's own; put money into reward")
        for where, actions in [("chain", chain.actions)] + [
            (f"segments.{name}", segment.actions) for name, segment in self.segments.items() if segment.actions
        ]:
            if len(actions) != len(chain.actions) or chain.reference >= len(actions):
                raise ValueError(f"{where}.actions: expected {len(chain.actions)} actions and reference among them")
            for i, action in enumerate(actions):
                if len(action.reward) != size or [len(row) for row in action.moves] != [size] * size:
                    raise ValueError(f"{where}.actions[{i}]: expected moves {size} x {size} and {size} rewards")
                for state, row in zip(chain.states, action.moves, strict=True):
                    if abs(sum(row) - 1) > 1e-9:
                        raise ValueError(f"{where}.actions[{i}].moves: row '{state}' sums to {sum(row):g}, expected 1")
                if i == 0 and action.spend != 0:
                    raise ValueError(
                        f"{where}.actions[0].spend: expected 0, got {action.spend:g}; doing nothing must be among the "
                        "actions, put what cannot be avoided into reward"
                    )
                if i and action.spend <= actions[i - 1].spend:
                    raise ValueError(f"{where}.actions[{i}].spend: expected actions by rising spend")
        for name, segment in self.segments.items():
            if not segment.start:
                raise ValueError(f"segments.{name}.start: missing; say how many are in which state")
            for state in segment.start:
                if state not in chain.states:
                    raise ValueError(_unknown(f"segments.{name}.start", state, set(chain.states)))
                if not isinstance(segment.start[state], int | float):
                    raise ValueError(f"segments.{name}.start.{state}: expected a number, as states are all there is")

    @property
    def base_segments(self) -> tuple[str, ...]:
        """Return the names of the segments of real customers; none without a base."""
        return () if self.base is None else self.base.segment_names

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
    def begins(self) -> date | None:
        """Return the day on which the first period begins; None where that is not known."""
        return self.first_day if self.base is None else self.base.as_of + timedelta(days=1)

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


def _years(scenario: Scenario) -> int:
    """Return years that begin within the horizon."""
    return int(scenario.periods / PERIODS_PER_YEAR[scenario.period]) + 1


def _stated(rules: Rules) -> list[tuple[str, Model]]:
    """Return the rules that have keys of their own, each with where it stands."""
    out: list[tuple[str, Model]] = []
    for key in type(rules).model_fields:
        value = getattr(rules, key)
        out += [(f"rules.{key}", value)] if isinstance(value, Model) else []
        out += [(f"rules.{key}.{name}", each) for name, each in value.items()] if isinstance(value, dict) else []
        out += [(f"rules.{key}[{i}]", each) for i, each in enumerate(value, 1)] if isinstance(value, tuple) else []
    for i, rule in enumerate(rules.linear, 1):
        out += [(f"rules.linear[{i}].parts.{name}", part) for name, part in rule.parts.items()]
    return [(where, rule) for where, rule in out if isinstance(rule, Model)]


def _unknown(where: str, got: str, known: set[str]) -> str:
    close = difflib.get_close_matches(got, sorted(known), 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{where}: '{got}' is not known; expected one of {', '.join(sorted(known))}{hint}"


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
