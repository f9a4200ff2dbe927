"""The scenario file: one frozen, validated description of customers, levers, market, money and rules.

Every field carries its unit and, where it has a default, why that default. ``load`` turns every mistake in a file
into one :class:`~sim.errors.ScenarioError` that names file, key, what was expected and what came.
"""

import difflib
import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from sim.curves import SHAPES, BlattbergDeighton, Curve, Finite, Model, NotNegative, Positive, Share
from sim.errors import FolderError, ScenarioError, first_line

__all__ = ["Competitor", "ExplicitAction", "Lever", "Rules", "Scenario", "Segment", "load", "parse"]

WEEKS_PER_PERIOD = {"week": 1.0, "month": 365.25 / 12 / 7, "quarter": 365.25 / 4 / 7, "year": 365.25 / 7}
PERIODS_PER_YEAR = {"week": 365.25 / 7, "month": 12.0, "quarter": 4.0, "year": 1.0}

Stage = Literal["unaware", "prospect", "new", "developing", "core", "declining", "lapsed"]
STAGES: tuple[str, ...] = get_args(Stage)
CUSTOMER_STAGES = STAGES[2:]
TIERS = ("low", "middle", "high")
BASE_SEGMENTS = ("platinum", "gold", "silver A", "silver B", "silver C", "develop", "optimise")

Effect = Literal["awareness", "acquisition", "survival", "purchase_rate", "amount", "reactivation"]
EFFECT_STAGES: dict[str, tuple[str, ...]] = {
    "awareness": ("unaware",),
    "acquisition": ("prospect",),
    "survival": CUSTOMER_STAGES,
    "purchase_rate": CUSTOMER_STAGES,
    "amount": CUSTOMER_STAGES,
    "reactivation": CUSTOMER_STAGES,
}


class LeverInSegment(Model):
    """What differs for one segment."""

    reference: NotNegative | None = Field(default=None, description="intensity in the data; none: as the lever")
    moves: dict[Effect, Curve] = Field(default_factory=dict, description="curves that replace the lever's")


class Lever(Model):
    """A marketing instrument: whom it reaches, what it moves, and how money turns into effect."""

    targets: tuple[Stage, ...] = Field(min_length=1, description="observed stages it can be used on")
    tiers: tuple[Literal["low", "middle", "high", "unknown"], ...] = Field(
        default=("low", "middle", "high", "unknown"), min_length=1, description="value tiers it can be used on; all"
    )
    moves: dict[Effect, Curve] = Field(min_length=1, description="what it moves, each with its curve")
    reference: NotNegative = Field(description="intensity under which the data were gathered")
    reach: Share = Field(default=1.0, description="part of the target that can be addressed; default: everybody")
    by_segment: dict[str, LeverInSegment] = Field(default_factory=dict, description="what differs by segment")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for effect in self.moves:
            outside = [stage for stage in self.targets if stage not in EFFECT_STAGES[effect]]
            if outside:
                raise ValueError(
                    f"'{effect}' cannot be moved in stage '{outside[0]}'; it can in {', '.join(EFFECT_STAGES[effect])}"
                )
        curves = [(effect, curve, self.reference) for effect, curve in self.moves.items()]
        for override in self.by_segment.values():
            reference = self.reference if override.reference is None else override.reference
            unknown = [effect for effect in override.moves if effect not in self.moves]
            if unknown:
                raise ValueError(f"by_segment moves '{unknown[0]}', which the lever itself does not move")
            curves += [(effect, override.moves.get(effect, curve), reference) for effect, curve in self.moves.items()]
        for effect, curve, reference in curves:
            if effect in ("purchase_rate", "amount"):
                if curve.without_money <= -1:
                    raise ValueError(f"'{effect}' is a relative gain: without_money must be above -1")
                continue
            if curve.without_money < 0 or curve.unlimited_money > 1:
                raise ValueError(f"'{effect}' is a chance per period: expected numbers between 0 and 1")
            if effect == "survival" and curve.unlimited_money == 1:
                raise ValueError("'survival' of 1 would be for ever: expected a highest value below 1")
            if effect == "survival" and reference == 0 and curve.without_money == 0:
                raise ValueError("survival at the reference would be 0: expected a reference above 0")
        return self


class Gamma(Model):
    """A gamma distribution over customers, mean ``shape/rate``."""

    shape: Positive = Field(description="heterogeneity: small is very mixed")
    rate: Positive = Field(description="in periods")


class GammaGamma(Model):
    """Spend per purchase over customers: ``z = p/nu, nu ~ Gamma(q, gamma)`` (Fader, Hardie & Lee 2005)."""

    p: Positive = Field(description="shape of one purchase's amount around the customer's mean")
    q: Annotated[float, Field(gt=1, allow_inf_nan=False)] = Field(
        description="shape over customers; above 1 so that a mean exists"
    )
    gamma: Positive = Field(description="scale, money")


class ParetoNBD(Model):
    """Purchase rate ``Gamma(r, alpha)``, defection rate ``Gamma(s, beta)``, per WEEK, as calibrated."""

    r: Positive = Field(description="shape of the purchase rate")
    alpha: Positive = Field(description="rate of the purchase rate, weeks")
    s: Positive = Field(description="shape of the defection rate")
    beta: Positive = Field(description="rate of the defection rate, weeks")


class Traits(Model):
    """How customers of a segment differ; a plain number means that they do not."""

    purchase_rate: Gamma | NotNegative = Field(description="purchases per period while a customer")
    defection_rate: Gamma | NotNegative = Field(description="chance rate of leaving, per period")
    spend: GammaGamma | Positive = Field(description="money per purchase")


class Thresholds(Model):
    """When a customer counts as core, declining, lapsed."""

    core: Annotated[int, Field(ge=2, le=12)] = Field(default=4, description="purchases; 4: the model's usual")
    declining: Annotated[int, Field(ge=1, le=36)] = Field(default=3, description="silent periods; 3 months: a season")
    lapsed: Annotated[int, Field(ge=2, le=36)] = Field(default=6, description="silent periods; 6 months: half a year")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.declining >= self.lapsed:
            raise ValueError(f"expected declining < lapsed, got {self.declining} and {self.lapsed}")
        return self


class ExplicitAction(Model):
    """One action of a chain given by the scenario."""

    spend: NotNegative = Field(description="money per customer per period")
    moves: tuple[tuple[Share, ...], ...] = Field(description="row: state now; column: state next; rows sum to 1")
    reward: tuple[Finite, ...] = Field(description="money earned per customer by state, before marketing")


class ExplicitChain(Model):
    """A chain of the user's own in place of the lifecycle."""

    states: tuple[str, ...] = Field(min_length=1, description="names of the states, all observed")
    lever: str = Field(default="marketing", description="name of the one lever; default: plain")
    actions: tuple[ExplicitAction, ...] = Field(min_length=1, description="what can be done, by rising spend")
    reference: Annotated[int, Field(ge=0)] = Field(default=0, description="which action is as today; default: first")
    targets: tuple[str, ...] | None = Field(default=None, description="states money can be spent on; none: all")
    gone: tuple[str, ...] = Field(default=(), description="states of those who are no longer customers; default: none")


class Segment(Model):
    """Customers managed as one group. For a segment of the base, only what differs from the scenario."""

    start: dict[str, Annotated[float, Field(ge=0, le=1e9)]] = Field(
        default_factory=dict, description="head counts at the start: unaware, prospect, new (or a chain's states)"
    )
    traits: Traits | None = Field(default=None, description="needed unless the segment comes from the base")
    margin: Finite | None = Field(default=None, description="margin rate; none: as the scenario")
    loss: Share | None = Field(default=None, description="silently gone lost for good, per period; none: as scenario")
    stages: Thresholds | None = Field(default=None, description="thresholds; none: as the scenario")
    actions: tuple[ExplicitAction, ...] | None = Field(default=None, description="chain only; none: as the chain")


class Base(Model):
    """A firm's real customers, each an agent with its own posterior."""

    file: str = Field(description="customer base made by `tenure calibrate` or `tenure demo`, beside the scenario")
    as_of: date = Field(description="last day of purchases that are used")
    pareto_nbd: ParetoNBD
    gamma_gamma: GammaGamma
    cycle_cutoffs: tuple[Positive, Positive] = Field(description="short/medium and medium/long purchase cycle, weeks")
    amount_cutoffs: tuple[Positive, Positive] = Field(description="small/medium and medium/large amount, money")


class Competitor(Model):
    """A rival who acts through one route from a given period on."""

    name: str
    start: Annotated[int, Field(ge=0)] = Field(description="first period")
    end: int | None = Field(default=None, description="first period without it; none: stays")
    route: Literal["defection", "acquisition", "share of customer"]
    strength: NotNegative = Field(
        description="defection rate times 1+strength; acquisition chance or purchase rate times 1-strength"
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.route != "defection" and self.strength > 1:
            raise ValueError(f"strength on '{self.route}' is a share taken away: expected at most 1")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"expected end after start, got {self.start} and {self.end}")
        return self


class LeverRule(Model):
    """Bounds on one lever's money over the horizon."""

    floor: Share = Field(default=0.0, description="at least this share of the budget; default: none")
    cap: Share = Field(default=1.0, description="at most this share of the budget; default: none")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.floor > self.cap:
            raise ValueError(f"the floor {self.floor:g} is above the cap {self.cap:g}")
        return self


class Rules(Model):
    """What every plan must keep to."""

    budget: Annotated[float, Field(ge=0, le=1e18)] | None = Field(
        default=None, description="money over the horizon; none: what today spends"
    )
    period_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="largest share of the budget in one period; default: no limit"
    )
    levers: dict[str, LeverRule] = Field(default_factory=dict, description="floors and caps by lever")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        floors = sum(rule.floor for rule in self.levers.values())
        if floors > 1 + 1e-12:
            raise ValueError(f"the levers' floors add up to {floors:g} of the budget; expected at most 1")
        return self


class Scenario(Model):
    """Everything the simulator, the fluid twin and the optimiser know."""

    name: str = Field(min_length=1, description="what the scenario is called in tables and runs")
    currency: str = Field(default="", description="unit of money, shown in reports; default: none shown")
    period: Literal["week", "month", "quarter", "year"] = Field(default="month", description="default: planning rhythm")
    periods: Annotated[int, Field(ge=1, le=1200, strict=True)] = Field(description="horizon")
    discount_rate: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.1, description="per year; 10 %: a usual cost of capital"
    )
    terminal: Literal["value-to-go", "none"] = Field(
        default="value-to-go", description="value after the horizon under today's spend, or none"
    )
    margin: Finite = Field(default=1.0, description="margin rate on revenue; 1: amounts are margins already")
    loss: Share = Field(default=0.0, description="silently gone customers lost for good, per period; 0: none")
    stages: Thresholds = Field(default_factory=Thresholds)
    base: Base | None = Field(default=None, description="a firm's real customers; none: synthetic segments only")
    segments: dict[str, Segment] = Field(default_factory=dict)
    levers: dict[str, Lever] = Field(default_factory=dict)
    chain: ExplicitChain | None = Field(default=None, description="a chain in place of the lifecycle")
    competitors: tuple[Competitor, ...] = ()
    rules: Rules = Field(default_factory=Rules)
    folder: Path = Field(default=Path(), exclude=True, description="where the file was; set by load")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = set(self.levers) | ({self.chain.lever} if self.chain else set())
        for name in self.rules.levers:
            if name not in names:
                raise ValueError(_unknown("rules.levers", name, names))
        if self.chain is None:
            self._check_lifecycle()
        else:
            self._check_chain(self.chain)
        if self.terminal == "value-to-go" and self.discount_rate == 0:
            raise ValueError("terminal: value-to-go needs a discount_rate above 0; or say terminal: none")
        return self

    def _check_lifecycle(self) -> None:
        known = set(self.segments) | (set(BASE_SEGMENTS) if self.base else set())
        if not known:
            raise ValueError("segments: expected at least one segment, or a base")
        if not self.levers:
            raise ValueError("levers: expected at least one lever")
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
            if self.base and name in BASE_SEGMENTS:
                if segment.start or segment.traits:
                    raise ValueError(f"segments.{name}: comes from the base; start and traits cannot be given")
                continue
            if segment.traits is None:
                raise ValueError(f"segments.{name}.traits: missing")
            if segment.actions is not None:
                raise ValueError(f"segments.{name}.actions: only for a scenario with a chain; remove it")
            for stage in segment.start:
                if stage not in ("unaware", "prospect", "new"):
                    raise ValueError(_unknown(f"segments.{name}.start", stage, {"unaware", "prospect", "new"}))
            if not segment.start:
                raise ValueError(f"segments.{name}.start: missing; say how many are unaware, prospect or new")

    def _check_chain(self, chain: ExplicitChain) -> None:
        if self.base or self.levers or self.competitors:
            raise ValueError("chain: takes the place of base, levers and competitors; remove those")
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
        for where, given in [("", self.model_fields_set)] + [
            (f"segments.{name}.", segment.model_fields_set | ({"traits"} if segment.traits else set()))
            for name, segment in self.segments.items()
        ]:
            extra = sorted((unused | ({"traits"} if where else set())) & given)
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

    @property
    def discount_per_period(self) -> float:
        """Return ``d`` with ``(1 + d)^(periods per year) = 1 + discount_rate``."""
        return float((1 + self.discount_rate) ** (1 / PERIODS_PER_YEAR[self.period]) - 1)

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the scenario's content (not of its layout or comments)."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def _unknown(where: str, got: str, known: set[str]) -> str:
    close = difflib.get_close_matches(got, sorted(known), 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{where}: '{got}' is not known; expected one of {', '.join(sorted(known))}{hint}"


def load(path: str | Path) -> Scenario:
    """Return the scenario in a YAML file.

    Raises
    ------
    ScenarioError
        If it is missing, is not YAML, has an unknown key, or a value does not fit.
    FolderError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScenarioError(
            f"{path}: no such file; give a scenario file, or make one with `tenure demo` or `tenure calibrate`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(f"{path}: cannot be read as text ({first_line(error)})") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ScenarioError(
            f"{path}{line}: not YAML ({getattr(error, 'problem', None) or first_line(error)})"
        ) from None
    if not isinstance(content, dict):
        what = "is empty" if content is None else f"holds {type(content).__name__}, not keys with values"
        raise ScenarioError(f"{path}: {what}; a scenario starts with `name:`")
    if "folder" in content:
        raise ScenarioError(f"{path}: folder: unknown key")
    return parse({**content, "folder": path.resolve().parent}, str(path))


def parse(content: dict[str, Any], where: str = "scenario") -> Scenario:
    """Return the scenario in ``content``; ``where`` names its source in errors."""
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """Return the most telling of pydantic's errors as one line: key, expectation, what came."""
    problems = sorted(error.errors(), key=lambda e: (e["type"] != "extra_forbidden", -len(e["loc"])))
    first = problems[0]
    hidden = ("Gamma", "GammaGamma", "float", "function-after", "constrained-float", *SHAPES)
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(hidden))
    if first["type"] == "extra_forbidden":
        fields = _fields_at(first["loc"][:-1])
        close = difflib.get_close_matches(str(first["loc"][-1]), fields, 1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; expected one of {', '.join(fields)}" if fields else ""
        return f"{key}: unknown key{hint}"
    if first["type"] == "missing":
        return f"{key}: missing"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    message = message[0].lower() + message[1:]
    return f"{key}: {message}, got {first['input']!r}"


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that are known where an unknown one stood."""
    known: dict[str, type[Model]] = {
        "levers": Lever, "segments": Segment, "moves": BlattbergDeighton, "by_segment": LeverInSegment,
        "competitors": Competitor, "rules": Rules, "base": Base, "chain": ExplicitChain, "traits": Traits,
        "stages": Thresholds, "actions": ExplicitAction,
    }  # fmt: skip
    here: type[Model] = Scenario
    inside_rules = False
    for part in location:
        if inside_rules and part == "levers":
            here = LeverRule
        elif str(part) in known:
            here = known[str(part)]
        elif str(part) in SHAPES:
            here = SHAPES[str(part)]
        inside_rules = inside_rules or part == "rules"
    return sorted(name for name in here.model_fields if name != "folder")
