"""From a scenario and evidence to the scenario with curves as the evidence has them, and what is still not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.differences import between_shares
from sim.errors import InputError
from sim.intervals import NORMAL
from sim.responses.agreeing import agreeing, bent, excluding, in_turn
from sim.responses.arms import Measured, far, measure, refuse_falling
from sim.responses.drawn import Drawn, drawn
from sim.responses.earlier import answered_alone, learned_of, record_of, source_of
from sim.responses.history.fit import keys_of
from sim.responses.history.read import History
from sim.responses.known import Known, settled, with_rows
from sim.responses.logs import OfLate, heads_of, in_words, of_late
from sim.responses.posterior import Belief, Posterior
from sim.responses.priors import beliefs_of, correlation_of, errors_at, interval, reconciled
from sim.responses.read import Answer, Key, Trial, named
from sim.responses.replaced import without_replaced
from sim.responses.selection import Selection, kinds_by, of_the_won, won_of
from sim.responses.shape import CHANCE, Shape, link
from sim.responses.spilling import Spill
from sim.responses.tiring import usual_money
from sim.responses.written import carry, put
from sim.scenario.curves import Curve
from sim.scenario.file import Scenario, parse
from sim.scenario.joint import correlate
from sim.scenario.rules import Evidence

__all__ = ["CurvePoint", "Effect", "Learned", "learn"]

ENDS = (2.5, 97.5)
WON = ("acquisition", "awareness")
"""What word of mouth moves too."""
NARROWER, MOSTLY = 0.1, 0.9
"""Shares of a point's precision that come from data: below the first it is answered, above the second measured."""
MOVED = 0.4
"""Of a point's standard error before data: a value that they moved by more is not what was answered."""


class CurvePoint(NamedTuple):
    """What is known of a curve at an intensity (infinite: unlimited), with its 95 % interval.

    ``source``: answered, measured or both; ``n``: customers in the data, or rows of a history (a period of a segment),
    or managers where there are none.
    """

    lever: str
    segment: str
    moves: str
    at: float
    value: float
    low: float
    high: float
    source: str
    n: int


class Effect(NamedTuple):
    """A difference of means between an arm and the one with least money, with its 95 % interval."""

    lever: str
    segment: str
    moves: str
    spend: float
    against: float
    difference: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned.

    Attributes
    ----------
    scenario : Scenario
        With the curves, their ranges under ``uncertain`` and where they come from under ``evidence``.
    content : dict
        What its file says.
    curves : tuple of CurvePoint
    effects : tuple of Effect
    notes : tuple of str
        What evidence cannot tell.
    by_history : frozenset of Key
        Curves whose data are a history alone: ``n`` counts its rows.
    drawn : tuple of Drawn
        The curves with their bands.
    of_late : tuple of OfLate
        What logs of contacts show money of earlier periods to do.
    spills : tuple of Spill
        What money given to others does, where experiments say who is near whom.
    selected : tuple of Selection
        What those whom money adds later do, where files say what the won did.
    """

    scenario: Scenario
    content: Mapping[str, Any]
    curves: tuple[CurvePoint, ...]
    effects: tuple[Effect, ...]
    notes: tuple[str, ...]
    by_history: frozenset[Key] = frozenset()
    drawn: tuple[Drawn, ...] = ()
    of_late: tuple[OfLate, ...] = ()
    spills: tuple[Spill, ...] = ()
    selected: tuple[Selection, ...] = ()


def learn(
    scenario: Scenario, trials: Sequence[Trial], answers: Sequence[Answer], notes: Sequence[str] = (),
    histories: Sequence[History] = (), seed: int = 0, files: Sequence[str] = (),
) -> Learned:  # fmt: skip
    """Return the scenario with the curves that evidence is about as it has them.

    ``files``: digests of the files it is from, which the scenario keeps.

    Raises
    ------
    InputError
        If evidence is about what the scenario does not have, or says that money harms.
    """
    content = scenario.model_dump(mode="json", exclude_unset=True)
    ranges = {each["path"]: each for each in content.get("uncertain", ())}
    stated_ranges = dict(ranges)  # what evidence on all tells of a curve is no prior of its segments: it counts once
    said, points, effects, spills = list(notes), list[CurvePoint](), list[Effect](), list[Spill]()
    records = {(r["lever"], r["moves"], r.get("segment", "")): r for r in content.get("evidence", ())}
    drawings, alone = list[Drawn](), set[Key]()
    watched = keys_of(scenario, histories)
    trials = [replace(each, by_quality=won_of(scenario, each.key[2])) if each.key[1] == "acquisition" else each
              for each in trials]  # fmt: skip
    curves: dict[Key, Known] = {}
    earlier: dict[Key, Evidence] = {}
    ranged: dict[Key, dict[float, str]] = {}
    about = {trial.key for trial in trials if not trial.won_alone}
    for key in sorted({*about, *(answer.key for answer in answers), *watched}):
        curve, path = _stated(scenario, key)
        shape = Shape(curve, key[1])
        own = [trial for trial in trials if trial.key == key and trial.who is None and not trial.won_alone]
        by_word = bool(scenario.word_of_mouth) and key[1] in WON
        tested = [(trial, measure(trial, shape.kind, by_word)) for trial in own]
        for trial, each in tested:
            refuse_falling(trial, each)
            effects += _differences(trial, each, shape.kind)
            said += [*_limits(trial, each), *far(trial, max(shape.known, scenario.levers[key[0]].reference))]
            spills += [] if each.spill is None else [each.spill]
        earlier[key] = record_of(scenario, key)
        asked_of = _answered(scenario, answers, key)
        stated = beliefs_of(shape, asked_of, _path(scenario, key), stated_ranges,
                            learned_of(shape, earlier[key]))  # fmt: skip
        near = correlation_of(stated, stated_ranges)
        stated, excluded = excluding(stated, asked_of, shape, near, seed)
        tested, apart = agreeing(tested, shape.kind)
        tested, off = bent(tested, shape, seed)
        tested, stated, turned = in_turn(tested, shape, stated, near, seed)
        beliefs, ranged[key] = reconciled(shape, stated, tested, seed, near, earlier[key].chosen)
        said += [f"{named(key)}: {each}" for each in (*excluded, *apart, *off, *turned)]
        curves[key] = settled(shape, path, tested, stated, beliefs, near, seed)
    curves, lates, fits, more_said, disagree = with_rows(scenario, trials, histories, curves, stated_ranges, seed)
    said += [f"{named(key)}: {each}" for key in curves for each in (ranged[key] | more_said[key]).values()]
    said += [f"{named(key)}: {each}" for key, notes_of in disagree.items() for each in notes_of]
    rows, together = dict.fromkeys(watched, 0), {key: i for i, key in enumerate(curves)}
    told: dict[int, dict[str, Floats]] = {}
    tires: dict[str, list[OfLate]] = {}
    for trial, late in lates:
        said += in_words(scenario, trial, late)
        if late.of_late:
            tires[trial.key[0]], draws_of = of_late(content, ranges, late, trial)
            told.setdefault(together[trial.key], {}).update(draws_of)
    for number, (history, fitted) in enumerate(zip(histories, fits, strict=True), len(curves)):
        shapes = keys_of(scenario, [history])
        said += fitted.notes
        for lever, carried in fitted.carried.items():
            stated_at, more = carry(content, ranges, lever, carried)
            said += more
            if stated_at:
                told.setdefault(number, {})[stated_at] = carried.draws
        for key in shapes:
            rows[key] += fitted.rows
            together[key] = number  # its draws are beside each other; of curves told apart they are no world
    selected: list[Selection] = []
    for key in dict.fromkeys(trial.key for trial in trials if trial.later):
        known = curves.get(key) or _prior(scenario, key, stated_ranges, seed)
        ratios, more = of_the_won(scenario, [t for t in trials if t.key == key], known.shape, known.after, seed)
        kinds, draws_of, also = kinds_by(scenario, content, ranges, key, ratios)
        selected += kinds
        said += [*more, *also]
        if draws_of:
            told[-1 - len(selected)] = draws_of
    for key, (shape, path, tested, _, beliefs, _, before, after, logs) in curves.items():
        lever, moves, segment = key
        money = {arm.spend for _, found in tested for arm in found.arms}
        money |= {float(f"{usual_money(trial, 0.0):.3g}") for trial in logs}
        if key in watched:
            money |= {shape.curve.spend if shape.last == "brings" else float(shape.numbers(after.mode)["half"])}
        asked = sorted({0.0, *money, *(b.at for b in beliefs if b.at >= 0), np.inf})
        then = earlier[key]
        heads = int(sum(trial.customers.sum() for trial, _ in tested)) + sum(map(heads_of, logs))
        anew = heads > 0 or key in watched
        heads, of_history = heads + then.customers, rows.get(key, 0) + then.rows
        managers = max((b.managers for b in beliefs), default=0)
        if key in watched and not heads:
            alone.add(key)
        found = _points(key, shape, asked, before, after, heads or of_history, beliefs, anew, then)
        said += [each for trial, measured in tested for each in _bend(trial, measured, before, after, shape, found[-1])]
        points += found
        drawings.append(drawn(key, shape, asked, before, after, tested))
        numbers, intervals = _written(shape, beliefs, before, after)
        yielding = {each.path.rsplit(".", 1)[1] for each in beliefs if each.assumed}
        said += put(content, ranges, path, key, numbers, intervals, yielding)
        for name, column in _columns(shape, after).items():
            told.setdefault(together[key], {})[f"{path}.{name}"] = column
        source = {row.source for row in found}
        of_files = [*then.files, *files]
        answered = answered_alone(shape, [(row.at, row.source) for row in found])
        chosen = any(trial.chosen for trial in (*(each for each, _ in tested), *logs))
        records[key] = {
            "lever": lever, "moves": moves, **({"segment": segment} if segment else {}),
            "source": source.pop() if len(source) == 1 else "both", "customers": heads, "managers": managers,
            "chosen": chosen or then.chosen, **({"rows": of_history} if of_history else {}),
            **({"answered": answered} if answered else {}), **({"files": of_files} if of_files else {}),
        }  # fmt: skip
    said += without_replaced(scenario, content, ranges, curves)
    for draws in told.values():
        correlate(ranges, draws)
    content["uncertain"] = list(ranges.values())
    content["evidence"] = list(records.values())
    made = parse({**content, "folder": scenario.folder}, "what was learned")
    return Learned(made, content, tuple(points), tuple(effects), tuple(dict.fromkeys(said)), frozenset(alone),
                   tuple(drawings), tuple(each for rows in tires.values() for each in rows), tuple(spills),
                   tuple(selected))  # fmt: skip


def _prior(scenario: Scenario, key: Key, ranges: Mapping[str, Mapping[str, Any]], seed: int) -> Known:
    """Return what is known of a curve that no data are on."""
    curve, path = _stated(scenario, key)
    shape = Shape(curve, key[1])
    beliefs = beliefs_of(shape, (), _path(scenario, key), ranges)
    return settled(shape, path, [], beliefs, beliefs, correlation_of(beliefs, ranges), seed)


def _stated(scenario: Scenario, key: Key) -> tuple[Curve, str]:
    """Return the curve that evidence is about, and where it will stand."""
    lever, moves, segment = key
    if lever not in scenario.levers:
        known = ", ".join(scenario.levers) or "none"
        raise InputError(f"evidence on lever '{lever}': the scenario has {known}")
    own = scenario.levers[lever]
    if moves not in own.moves:
        raise InputError(f"evidence on '{lever}' moving '{moves}': in the scenario it moves {', '.join(own.moves)}")
    if not segment:
        return own.moves[moves], f"levers.{lever}.moves.{moves}"
    segments = (*scenario.base_segments, *scenario.segments)
    if segment not in segments:
        raise InputError(f"evidence on segment '{segment}': the scenario has {', '.join(segments)}")
    there = own.by_segment[segment].moves if segment in own.by_segment else {}
    return there.get(moves, own.moves[moves]), f"levers.{lever}.by_segment.{segment}.moves.{moves}"


def _path(scenario: Scenario, key: Key) -> str:
    """Return where the ranges of a curve stand: its own, or those of the lever it differs from."""
    lever, moves, segment = key
    own = scenario.levers[lever].by_segment.get(segment)
    if own is not None and moves in own.moves:
        return f"levers.{lever}.by_segment.{segment}.moves.{moves}"
    return f"levers.{lever}.moves.{moves}"


def _answered(scenario: Scenario, answers: Sequence[Answer], key: Key) -> list[Answer]:
    """Return what managers say of a curve; what they say of all is said of a segment without a curve of its own."""
    own = [answer for answer in answers if answer.key == key]
    of_all = (*key[:2], "")
    if key[2] and _path(scenario, key) == _path(scenario, of_all):
        asked = {answer.at for answer in own}
        own += [answer for answer in answers if answer.key == of_all and answer.at not in asked]
    return own


def _differences(trial: Trial, measured: Measured, kind: str) -> list[Effect]:
    """Return what each arm has more than the one with least money; of chances within -1 and 1."""
    least, spread = measured.arms[0], measured.covariance
    lever, moves, segment = trial.key
    out = []
    for i, arm in enumerate(measured.arms[1:], 1):
        apart = arm.mean - least.mean
        wide = NORMAL * float(np.sqrt(spread[0, 0] + spread[i, i] - 2 * spread[0, i]))
        low, high = apart - wide, apart + wide
        if kind == CHANCE and measured.weighed:
            low, high = max(low, -1.0), min(high, 1.0)
        elif kind == CHANCE:
            low, high = between_shares((arm.mean, arm.customers), (least.mean, least.customers))
        number = int(arm.customers + least.customers)
        out.append(Effect(lever, segment, moves, arm.spend, least.spend, apart, low, high, number))
    return out


def _limits(trial: Trial, measured: Measured) -> list[str]:
    """Return what a trial cannot tell."""
    arms = measured.arms
    name, out = f"{trial.where}: {named(trial.key)}", []
    if trial.chosen:
        biased = "what is measured is biased to those you chose, and intervals do not hold that"
        out.append(
            f"{name}: the firm chose who got money, there is no control group at random: "
            + (biased if trial.traits is None else "those with and without are alike only as far as their traits tell")
        )
        out.append(f"{name}: spill-over between customers is not looked for where the firm chose")
    out += [f"{name}: {note}" for note in measured.notes]
    if len(arms) == 1:
        out.append(f"{name}: all got {arms[0].spend:g}: it tells the level there and not what money brings")
    return out


def _bend(
    trial: Trial, measured: Measured, before: Posterior, after: Posterior, shape: Shape, unlimited: CurvePoint
) -> list[str]:
    """Return what one dose leaves open, and whether unlimited money was moved all the same."""
    arms = measured.arms
    if len(arms) != 2:
        return []
    was = float(shape.at(before.mode, np.array([np.inf]))[0])
    known = "answered" if unlimited.source == "answered" else "known before"
    stays = f"the bend and unlimited money stay as {known}"
    if unlimited.source != "answered" and f"{was:.4g}" != f"{unlimited.value:.4g}":
        stays = (
            f"unlimited money goes from {was:.4g} before to {unlimited.value:.4g} by the shape of the curve and "
            "all that is known of it"
        )
    return [
        f"{trial.where}: {named(trial.key)}: one dose ({arms[1].spend:g} against {arms[0].spend:g}): it tells that "
        f"difference, and not how the curve bends; {stays}"
    ]


def _points(
    key: Key, shape: Shape, asked: Sequence[float], before: Posterior, after: Posterior, heads: int,
    beliefs: Sequence[Belief], anew: bool, then: Evidence,
) -> list[CurvePoint]:  # fmt: skip
    """Return what is known at each intensity: as told by all, and by how much more than by the prior alone."""
    money = np.array(asked)
    usual = errors_at(shape, money, before)
    share = 1 - (errors_at(shape, money, after) / usual) ** 2
    away = np.abs(link(shape.kind, shape.at(after.mode, money)) - link(shape.kind, shape.at(before.mode, money)))
    still = (share < NARROWER) & (away <= MOVED * usual)
    ends = np.percentile(np.array([shape.at(theta, money) for theta in after.draws]), ENDS, axis=0).T
    managers = {each.at: each.managers for each in sorted(beliefs, key=lambda each: each.managers)}
    for belief in _stating(shape, beliefs):
        if belief.at in asked:
            ends[asked.index(belief.at)] = interval(shape, belief, before, after)
    out = []
    lever, moves, segment = key
    values = shape.at(after.mode, money)
    values = np.where([any(b.fixed and b.at == at for b in beliefs) for at in asked], ends[:, 0], values)
    for at, value, (low, high), part, same in zip(asked, values, ends, share, still, strict=True):
        source = "answered" if not anew or same else "measured" if part > MOSTLY else "both"
        source = source_of(shape, at, source, then)
        n = managers.get(at, 1) if source == "answered" else heads
        out.append(CurvePoint(lever, segment, moves, at, float(value), float(low), float(high), source, n))
    return out


def _stating(shape: Shape, beliefs: Sequence[Belief]) -> Sequence[Belief]:
    """Return the beliefs whose ranges are of one number of the curve each; more than it has numbers bind each other."""
    return beliefs if len(beliefs) <= shape.start.size else [each for each in beliefs if each.fixed]


def _columns(shape: Shape, after: Posterior) -> dict[str, Floats]:
    """Return the draws of each number of a curve."""
    draws = [shape.numbers(theta) for theta in after.draws]
    return {name: np.array([each[name] for each in draws]) for name in draws[0]}


def _written(
    shape: Shape, beliefs: Sequence[Belief], before: Posterior, after: Posterior
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return the numbers of the curve at the mode, and the 95 % interval of each; itself where it is fixed."""
    ends = {name: np.percentile(column, ENDS) for name, column in _columns(shape, after).items()}
    last = {shape.curve.spend: shape.last} if shape.last == "brings" else {-1.0: shape.last}
    names = {0.0: "without_money", np.inf: "unlimited_money", **last}
    for belief in _stating(shape, beliefs):
        if belief.at in names:
            ends[names[belief.at]] = np.array(interval(shape, belief, before, after))
    numbers = shape.numbers(after.mode)
    if any(belief.fixed for belief in beliefs):
        numbers["without_money"] = 0.0
    return numbers, {name: (float(low), float(high)) for name, (low, high) in ends.items()}
