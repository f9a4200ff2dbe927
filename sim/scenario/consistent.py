"""What the keys of a scenario say together: no rule of what is not there, no key that another takes the place of."""

import difflib
from datetime import date, timedelta

from sim.errors import InputError
from sim.scenario.bonds import missing_bond, refuse_start
from sim.scenario.curves import Model
from sim.scenario.customers import STAGES, ExplicitChain, Segment
from sim.scenario.keys import PERIODS_PER_YEAR, Keys
from sim.scenario.linear import parse_linear
from sim.scenario.people import born
from sim.scenario.rules import Rules

__all__ = ["check_consistent"]

MOST_PEOPLE = 1e9
"""Most people who may appear in a segment over the horizon."""
LAST_DAY = date(9999, 1, 1)
"""Beyond which no calendar goes."""


def check_consistent(scenario: Keys) -> None:
    """Raise ValueError where the keys of a scenario contradict each other, naming the key."""
    names = set(scenario.levers) | ({scenario.chain.lever, *scenario.chain.levers} if scenario.chain else set())
    _check_rules(scenario, names)
    if scenario.base is not None and scenario.first_day not in (None, scenario.begins):
        raise ValueError(
            f"first_day: the base's purchases end on {scenario.base.as_of}, so it is {scenario.begins}; leave it out"
        )
    if scenario.begins is not None and scenario.begins > LAST_DAY - timedelta(days=366 * _years(scenario)):
        raise ValueError(f"first_day: the horizon ends after the year {LAST_DAY.year}, got {scenario.begins}")
    if scenario.chain is None:
        _check_lifecycle(scenario)
    else:
        _check_chain(scenario, scenario.chain)
    if scenario.terminal == "value-to-go" and scenario.discount_rate == 0:
        raise ValueError("terminal: value-to-go needs a discount_rate above 0; or say terminal: none")


def _check_rules(scenario: Keys, levers: set[str]) -> None:
    """Raise where a rule names what is not there."""
    rules = scenario.rules
    segments = set(scenario.segments) | set(scenario.base_segments)
    stages = set(scenario.chain.states) if scenario.chain else set(STAGES)
    known = {"levers": levers, "segments": segments, "stages": stages}
    named = [("rules.levers", name, levers) for name in rules.levers]
    chain = scenario.chain
    single = set(chain.levers) if chain and chain.lever not in chain.levers else levers  # campaigns are of one each
    named += [("rules.campaigns", name, single) for name in rules.campaigns]
    for where, rule in _stated(rules):
        named += [(f"{where}.{key}", name, known[key]) for key in known for name in getattr(rule, key, ())]
        if max(getattr(rule, "start", 0) + 1, getattr(rule, "end", None) or 1) > scenario.periods:
            raise ValueError(f"{where}: lies beyond the {scenario.periods} periods of the horizon")
        if (getattr(rule, "at", None) or 0) > scenario.periods:
            raise ValueError(f"{where}.at: lies beyond the {scenario.periods} periods of the horizon")
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
        if people.count == "satisfaction" and scenario.satisfaction is None:
            raise ValueError(f"rules.people.{key}: needs `satisfaction:`, which the scenario does not state")
    for where, name, there in named:
        if name not in there:
            raise ValueError(_unknown(where, name, there))
        if (there is levers or there is single) and name in scenario.levers and scenario.levers[name].pays != "budget":
            raise ValueError(
                f"{where}: '{name}' is `pays: {scenario.levers[name].pays}`, and rules of money count marketing money; "
                f"limit it with `levers.{name}.most`"
            )
    if rules.contacts is not None and all(lever.cost_per_contact is None for lever in scenario.levers.values()):
        raise ValueError("rules.contacts: needs a cost_per_contact on some lever")
    if rules.stretches and rules.stretches.amounts is not None:
        wanted = -(-scenario.periods // rules.stretches.every)
        if len(rules.stretches.amounts) != wanted:
            raise ValueError(
                f"rules.stretches.amounts: expected {wanted} amounts for {scenario.periods} periods, "
                f"got {len(rules.stretches.amounts)}"
            )


def _check_lifecycle(scenario: Keys) -> None:
    known = set(scenario.segments) | set(scenario.base_segments)
    if not known:
        raise ValueError("segments: expected at least one segment, or a base")
    if not scenario.levers:
        raise ValueError("levers: expected at least one lever")
    _check_market(scenario, known)
    tiers = {"low", "middle", "high"} if scenario.base else set()
    if any(segment.traits is not None for segment in scenario.segments.values()):
        tiers.add("unknown")
    for name, lever in scenario.levers.items():
        if not tiers & set(lever.tiers):
            raise ValueError(f"levers.{name}.tiers: reaches nobody; here the tiers are {', '.join(sorted(tiers))}")
        for where in lever.by_segment:
            if where not in known:
                raise ValueError(_unknown(f"levers.{name}.by_segment", where, known))
    for name, segment in scenario.segments.items():
        if name in scenario.base_segments:
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
        _check_people(scenario, f"segments.{name}", segment)
        if scenario.law == "renewal" and segment.traits.purchase_rate != 1:
            raise ValueError(
                f"segments.{name}.traits.purchase_rate: under `law: renewal` every survivor pays once a period; "
                "expected 1"
            )


def _check_people(scenario: Keys, where: str, segment: Segment) -> None:
    """Raise where who is there or comes is said of what the scenario does not have."""
    for stage, each in segment.standing:
        if each.satisfaction is not None and scenario.satisfaction is None:
            raise ValueError(
                f"{where}.start.{stage}.satisfaction: needs `satisfaction:`, which the scenario does not state"
            )
        refuse_start(f"{where}.start.{stage}", each, scenario.links, scenario.categories, scenario.club)
    for stage, births in segment.births.items():
        if isinstance(births, tuple) and len(births) != scenario.periods:
            raise ValueError(
                f"{where}.births.{stage}: expected a number for each of {scenario.periods} periods, got {len(births)}"
            )
        if sum(born(births, t) for t in range(scenario.periods)) > MOST_PEOPLE:
            raise ValueError(f"{where}.births.{stage}: more than {MOST_PEOPLE:,.0f} people over the horizon")


def _check_market(scenario: Keys, known: set[str]) -> None:
    """Raise where something needs what the scenario does not have, or names a segment that is not there."""
    needs = {"satisfaction": "satisfaction", "employee": "employees"}
    needs |= {"preference": "share_of_customer", "annoyance": "satisfaction", "direct": "partner"}
    wanted = [
        (f"levers.{name}.moves.{e}", needs[e]) for name, v in scenario.levers.items() for e in v.moves if e in needs
    ]
    wanted += [(key, "satisfaction") for key in ("employees", "survey", "word_of_mouth") if getattr(scenario, key)]
    leavers = scenario.employees.turnover if scenario.employees else None
    wanted += [("employees.turnover.falls", "links")] if leavers and not leavers.cost else []
    wanted += [
        (f"shocks.{s.name}", needs.get(s.route, "links"))
        for s in scenario.shocks
        if s.route in ("satisfaction", "employee", "turnover")
    ]
    wanted += [
        (f"segments.{name}.value_to_customer.bring", "satisfaction")
        for name, segment in scenario.segments.items()
        if segment.value_to_customer is not None and segment.value_to_customer.bring > 0
    ]
    wanted += [
        (f"segments.{name}.{key}", key)
        for name, segment in scenario.segments.items()
        for key in ("share_of_customer", "partner")
        if getattr(segment, key) is not None
    ]
    lacking = [(where, what) for where, what in wanted if getattr(scenario, what) is None]
    lacking += [
        (f"levers.{name}.moves.{effect}", what)
        for name, lever in scenario.levers.items()
        for effect in lever.moves
        if (what := missing_bond(effect, scenario.links, scenario.categories, scenario.club))
    ]
    for where, what in lacking:
        raise ValueError(f"{where}: needs `{what}:`, which the scenario does not state")
    named = [
        (f"{kind}.{each.name}.segments", s)
        for kind, all_ in (("competitors", scenario.competitors), ("shocks", scenario.shocks))
        for each in all_
        for s in each.segments
    ]
    if isinstance(scenario.word_of_mouth, dict):
        named += [("word_of_mouth", s) for s in scenario.word_of_mouth]
        named += [(f"word_of_mouth.{to}", s) for to, row in scenario.word_of_mouth.items() for s in row]
    for name, lever in scenario.levers.items():
        named += [(f"levers.{name}.spills_over", s) for s in lever.spills_over]
        named += [(f"levers.{name}.spills_over.{to}", s) for to, row in lever.spills_over.items() for s in row]
    for where, segment in named:
        if segment not in known:
            raise ValueError(_unknown(where, segment, known))
    if scenario.law == "renewal":
        _check_renewal(scenario)
    if scenario.seasons and sum(scenario.seasons) == 0:
        raise ValueError("seasons: expected at least one number above 0")
    if scenario.base and scenario.law != "silent":
        raise ValueError(f"law: a base's customers leave silently (Pareto/NBD); expected silent, got {scenario.law}")


def _check_renewal(scenario: Keys) -> None:
    """Raise where something moves the purchase rate, which a renewal does not have."""
    moved = [
        *(
            f"levers.{n}.moves.{e}"
            for n, v in scenario.levers.items()
            for e in ("purchase_rate", "preference")
            if e in v.moves
        ),
        *(f"competitors.{rival.name}" for rival in scenario.competitors if "share of customer" in rival.strengths),
        *(f"shocks.{shock.name}" for shock in scenario.shocks if shock.route == "purchase rate"),
        *(["seasons"] if scenario.seasons else []),
        *(["share_of_customer"] if scenario.share_of_customer is not None else []),
        *(
            ["satisfaction.purchase_rate_per_level"]
            if scenario.satisfaction and scenario.satisfaction.purchase_rate_per_level
            else []
        ),
        *(
            f"{key}.purchase_rate"
            for key, each in (("categories", scenario.categories), ("club", scenario.club))
            if each and set(each.purchase_rate) - {1.0}
        ),
        *(
            f"segments.{name}.growth.purchase_rate"
            for name, segment in scenario.segments.items()
            if segment.growth and segment.growth.purchase_rate
        ),
    ]
    if moved:
        raise ValueError(f"{moved[0]}: moves the purchase rate, which `law: renewal` fixes at one payment a period")


def _check_chain(scenario: Keys, chain: ExplicitChain) -> None:
    taken = (
        "base", "levers", "competitors", "shocks", "satisfaction", "employees", "links", "word_of_mouth",
        "categories", "club", "partner", "share_of_customer", "survey", "seasons", "cost_to_serve", "law",
    )  # fmt: skip
    extra = [name for name in taken if name in scenario.model_fields_set]
    if extra:
        raise ValueError(f"chain: takes the place of {extra[0]}; remove that")
    if not scenario.segments:
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
    for where, given in [("", scenario.model_fields_set)] + [
        (f"segments.{name}.", segment.model_fields_set) for name, segment in scenario.segments.items()
    ]:
        extra = sorted((unused | (people if where else set())) & given)
        if extra:
            raise ValueError(f"{where}{extra[0]}: has no meaning in a chain of one's own; put money into reward")
    for where, actions in [("chain", chain.actions)] + [
        (f"segments.{name}", segment.actions) for name, segment in scenario.segments.items() if segment.actions
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
    for name, segment in scenario.segments.items():
        if not segment.start:
            raise ValueError(f"segments.{name}.start: missing; say how many are in which state")
        for state in segment.start:
            if state not in chain.states:
                raise ValueError(_unknown(f"segments.{name}.start", state, set(chain.states)))
            if not isinstance(segment.start[state], int | float):
                raise ValueError(f"segments.{name}.start.{state}: expected a number, as states are all there is")


def _years(scenario: Keys) -> int:
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
