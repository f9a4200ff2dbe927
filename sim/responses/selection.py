"""Whom money wins: what those it adds bring later against those who come by themselves, and the kinds of quality of it.

Of ``F(u)`` who are won at an intensity, ``F_0`` come without money (:mod:`sim.scenario.customers`, ``quality``)::

    E[y | won at u] = L (1 - h(u)) + M h(u),     h(u) = B (F(u) - F_0)/(A F_0 + B (F(u) - F_0)),     ratio = M/L

``y`` is what the won later did; ``A`` and ``B`` are the kinds' mean ``acquisition`` and ``acquisition_by_money``, 1
without kinds. Weighted least squares, its covariance the sandwich (White 1980); ``F`` is drawn from what the curve's
evidence leaves. The logarithm of the ratio is believed normal around what the scenario states, of standard deviation
:data:`LIKELY`. Without kinds two are made: those who come by themselves, ``acquisition_by_money: 0``, and those whom
money adds, ``acquisition: 0``, with as many of each as are won today, so that customers of today are as they were. With
kinds their ``acquisition_by_money`` is tilted along what each brings, ``b_k exp(-t z_k)``, ``sum of share_k b_k`` kept.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.engine.response import response
from sim.errors import InputError
from sim.responses.posterior import Posterior
from sim.responses.read import Later, Trial
from sim.responses.shape import Shape
from sim.scenario.customers import Quality
from sim.scenario.file import Scenario

__all__ = ["Selection", "Told", "kinds_by", "of_the_won", "selection", "won_of"]

LIKELY = 0.5
"""Standard deviation of the logarithm of what money's customers bring against others', before anything is seen."""
SEEN = 0.05
"""Share by which they bring less or more, 97.5 % sure, from which on kinds are stated."""
ENDS = (2.5, 50, 97.5)
APART = 1e-3
"""Difference in ``h`` between doses below which they tell nothing."""
FEW, MANY = 0.05, 0.95
"""Of today's customers, those whom money added, at least and at most."""
STEEPEST = 30.0
ROUNDS = 60
BY_RATE, BY_AMOUNT = ("purchase_rate",), ("spend",)


class Selection(NamedTuple):
    """What those whom money adds later do, against those who come by themselves: ``ratio`` with its 95 % interval.

    ``what``: purchases, money or kept; ``n``: of the won in the data; ``told``: whether the scenario states it.
    """

    lever: str
    segment: str
    what: str
    ratio: float
    low: float
    high: float
    n: int
    told: bool


class Told(NamedTuple):
    """A ratio's draws, and how many it is of."""

    draws: Floats
    n: int


def won_of(scenario: Scenario, segment: str) -> tuple[float, float]:
    """Return ``A`` and ``B``: what a segment's kinds multiply chances without money by, and what money adds.

    Of all segments together they are weighed by their prospects.
    """
    pairs = [(scenario.segments[name], _prospects(scenario, name)) for name in _named(scenario, segment)]
    whole = sum(number for _, number in pairs)
    if not whole:
        return 1.0, 1.0
    means = [(number, *_means(each.quality)) for each, number in pairs]
    return sum(n * a for n, a, _ in means) / whole, sum(n * b for n, _, b in means) / whole


def _named(scenario: Scenario, segment: str) -> list[str]:
    """Return the segments that evidence is of, and in which people are to be won."""
    return [n for n in ([segment] if segment else scenario.segments) if n in scenario.segments and
            scenario.segments[n].traits is not None]  # fmt: skip


def _prospects(scenario: Scenario, name: str) -> float:
    start = scenario.segments[name].start
    there = [start.get(stage, 0.0) for stage in ("unaware", "prospect")]
    return sum(float(each) for each in there if isinstance(each, int | float))


def _means(kinds: Sequence[Quality]) -> tuple[float, float]:
    if not kinds:
        return 1.0, 1.0
    share = np.array([each.share for each in kinds])
    share /= share.sum()
    return float(share @ [each.acquisition for each in kinds]), float(share @ [each.by_money for each in kinds])


def of_the_won(
    scenario: Scenario, trials: Sequence[Trial], shape: Shape, after: Posterior, seed: int
) -> tuple[dict[str, Told], list[str]]:
    """Return what the won later did tells of those whom money adds, by what they did, and what should be said."""
    told, said = dict[str, Told](), list[str]()
    for trial in trials:
        for later in trial.later:
            if later.what in told:
                named = " / ".join(filter(None, trial.key))
                raise InputError(
                    f"{trial.where}: {named}: {later.what} of the won are told twice; put both in one file"
                )
            found, more = selection(scenario, trial, later, shape, after, seed)
            said += more
            if found is not None:
                told[later.what] = found
        if trial.later and trial.chosen:
            said.append(
                f"{trial.where}: {' / '.join(filter(None, trial.key))}: the firm chose whom it spent on: those won "
                "with money may be others for that alone"
            )
    return told, said


def selection(
    scenario: Scenario, trial: Trial, later: Later, shape: Shape, after: Posterior, seed: int
) -> tuple[Told | None, list[str]]:
    """Return the ratio that what the won later did tells, None where it tells nothing, and what should be said."""
    name = f"{trial.where}: {trial.key[0]} on acquisition" + (f" of {trial.key[2]}" if trial.key[2] else "")
    name += f": {later.what} of the won"
    known = np.isfinite(later.outcome) & (later.won > 0)
    lost = float(later.won[~known].sum())
    said = [f"{name}: not known of {lost:,.0f}, who are left out"] * (lost > 0)
    if later.what != "kept" and (later.outcome[known] < 0).any():
        raise InputError(f"{name}: expected at least 0, got {float(np.nanmin(later.outcome)):g}")
    if later.what == "kept" and ((later.outcome[known] < 0) | (later.outcome[known] > 1)).any():
        raise InputError(f"{name}: expected 0 or 1, or a share, got {float(np.nanmax(later.outcome)):g}")
    money, heads, y = trial.spend[known], later.won[known], later.outcome[known]
    draws = after.draws[:: max(len(after.draws) // 500, 1)]
    doses, at = np.unique(money, return_inverse=True)
    added = np.array([_added(scenario, trial, shape, theta, doses) for theta in (after.mode, *draws)])
    if doses.size < 2 or np.ptp(added[0]) < APART:
        return None, [*said, f"{name}: all were won at one intensity, so it cannot tell whom money adds"]
    if known.sum() < 2 * doses.size and doses.size < 4:
        raise InputError(f"{name}: expected a row a customer, as the spread is not known from means")
    beside = np.empty((money.size, 0)) if trial.traits is None else trial.traits[known]
    beside = beside - heads @ beside / heads.sum()
    h = added[0][at.ravel()]
    columns = np.column_stack([1 - h, h, beside])
    level, spread = _least_squares(columns, y, heads)
    left = y - beside @ level[2:]
    number = np.bincount(at.ravel(), weights=heads).astype(np.float64)
    mean = np.bincount(at.ravel(), weights=heads * left) / number
    random = np.random.default_rng(seed)
    noise = random.multivariate_normal(np.zeros(2), spread[:2, :2], len(draws), method="eigh")
    found = np.array([_least_squares(np.column_stack([1 - each, each]), mean, number)[0] for each in added[1:]]) + noise
    believed = np.log(_stated_ratio(scenario, trial.key[2], later.what))
    inside = (found > 0).all(axis=1)
    if not inside.any():
        return None, [*said, f"{name}: it cannot tell whom money adds: what they bring may as well be nothing"]
    ratio = found[inside, 1] / found[inside, 0]
    weight = np.exp(-0.5 * ((np.log(ratio) - believed) / LIKELY) ** 2) / ratio
    ratio = random.choice(ratio, len(draws), p=weight / weight.sum())
    return Told(ratio, int(heads.sum())), said


def _added(scenario: Scenario, trial: Trial, shape: Shape, theta: Floats, money: Floats) -> Floats:
    """Return ``h`` at intensities, other levers as today."""
    without, today = _not_won(scenario, trial.key[0])
    itself, by = won_of(scenario, trial.key[2])
    f = shape.at(theta, np.append(0.0, money))
    none = 1 - (1 - f[0]) * without
    more = np.maximum(1 - (1 - f[1:]) * today - none, 0.0)
    return np.asarray(by * more / np.maximum(itself * none + by * more, 1e-300))


def _not_won(scenario: Scenario, but: str | None = None) -> tuple[float, float]:
    """Return the chances not to be won by any lever ``but`` one: without money, and as today."""
    without = today = 1.0
    for name, lever in scenario.levers.items():
        if name != but and "acquisition" in lever.moves:
            chance = response(lever.moves["acquisition"], np.array([0.0, lever.reference]))
            without, today = without * float(1 - chance[0]), today * float(1 - chance[1])
    return without, today


def _least_squares(columns: Floats, y: Floats, heads: Floats) -> tuple[Floats, Floats]:
    """Return coefficients and their sandwich, of as many degrees of freedom as rows leave."""
    inverse = np.linalg.pinv((columns.T * heads) @ columns)
    found = inverse @ (columns.T @ (heads * y))
    scores = columns * (heads * (y - columns @ found))[:, None]
    more = y.size / max(y.size - columns.shape[1], 1)
    return found, np.asarray(more * inverse @ (scores.T @ scores) @ inverse)


def _stated_ratio(scenario: Scenario, segment: str, what: str) -> float:
    """Return what the scenario's kinds say of those whom money adds."""
    for name in _named(scenario, segment):
        kinds = scenario.segments[name].quality
        if kinds and what != "kept":
            return _ratio(kinds, _brings(kinds, what), np.array([each.by_money for each in kinds]))
    return 1.0


def _brings(kinds: Sequence[Quality], what: str) -> Floats:
    """Return what each kind later does of something, against the segment."""
    rate = np.array([each.purchase_rate for each in kinds])
    return rate if what == "purchases" else rate * [each.spend * (1 - each.bad_debt) for each in kinds]


def _ratio(kinds: Sequence[Quality], brings: Floats, by: Floats) -> float:
    share = np.array([each.share for each in kinds])
    itself = share * [each.acquisition for each in kinds]
    by = share * by
    return float((by @ brings / max(by.sum(), 1e-300)) / max(itself @ brings / max(itself.sum(), 1e-300), 1e-300))


def kinds_by(
    scenario: Scenario, content: dict[str, Any], ranges: dict[str, Any], key: tuple[str, str, str],
    told: dict[str, Told],
) -> tuple[list[Selection], dict[str, Floats], list[str]]:  # fmt: skip
    """Write kinds of quality into a scenario's content where they are told; return what is, draws, and what to say."""
    lever, _, segment = key
    found = []
    for what, each in told.items():
        low, middle, high = (float(end) for end in np.percentile(each.draws, ENDS))
        states = (high < 1 - SEEN or low > 1 + SEEN) and what != "kept"
        found.append(Selection(lever, segment, what, middle, low, high, each.n, states))
    sure = {each.what: told[each.what].draws for each in found if each.told}
    out, said = dict[str, Floats](), [_in_words(each) for each in found if not each.told]
    for name in _named(scenario, segment) if sure else ():
        kinds = scenario.segments[name].quality
        own = content["segments"][name]
        if kinds:
            draws, more = _tilted(name, kinds, own, sure)
        else:
            draws, more = _made(scenario, name, own, sure)
        said += more
        for path, values in draws.items():
            low, middle, high = (float(f"{end:.8g}") for end in np.percentile(values, ENDS))
            if low < middle < high:
                ranges[path] = {"path": path, "low": low, "high": high, "law": "normal"}
        out |= draws
    return found, out, said


def _in_words(each: Selection) -> str:
    name = f"{each.lever} on acquisition" + (f" of {each.segment}" if each.segment else "")
    bring = {"purchases": "buy", "money": "pay", "kept": "stay with"}[each.what]
    interval = f"those whom money adds {bring} {each.ratio:.2f} of what others do ({each.low:.2f} to {each.high:.2f})"
    if each.what == "kept":
        return f"{name}: {interval}; kinds of quality do not differ in staying, so the scenario does not state it"
    return f"{name}: it is not told whether money wins other people: {interval}; kinds of quality stay as stated"


def _made(
    scenario: Scenario, name: str, own: dict[str, Any], sure: dict[str, Floats]
) -> tuple[dict[str, Floats], list[str]]:
    """Write two kinds: those who come by themselves, and those whom money adds."""
    without, today = _not_won(scenario)
    share = float(np.clip((1 - without) / max(1 - today, 1e-12), 1 - MANY, 1 - FEW).round(4))
    ratios = {}
    if "purchases" in sure:
        ratios["purchase_rate"] = sure["purchases"]
    if "money" in sure:
        ratios["spend"] = sure["money"] / ratios.get("purchase_rate", 1.0)
    kinds: list[dict[str, float]] = [
        {"share": share, "acquisition": round(1 / share, 8), "acquisition_by_money": 0.0},
        {"share": round(1 - share, 8), "acquisition": 0.0, "acquisition_by_money": round(1 / (1 - share), 8)},
    ]
    draws = {}
    for number, ratio in ratios.items():
        itself = 1 / (share + (1 - share) * ratio)
        for i, values in enumerate((itself, itself * ratio)):
            draws[f"segments.{name}.quality.{i}.{number}"] = values
            kinds[i][number] = float(f"{np.median(values):.8g}")
    own["quality"] = kinds
    of = " and ".join(ratios)
    return draws, [
        f"{name}: `quality` now has two kinds, those who come by themselves and those whom money adds, with {of} of "
        f"each; of today's customers {1 - share:.0%} are taken for the second"
    ]


def _tilted(
    name: str, kinds: Sequence[Quality], own: dict[str, Any], sure: dict[str, Floats]
) -> tuple[dict[str, Floats], list[str]]:
    """Tilt the stated kinds' ``acquisition_by_money`` along what they bring."""
    what = "money" if "money" in sure else "purchases"
    brings = _brings(kinds, what)
    share, by = np.array([each.share for each in kinds]), np.array([each.by_money for each in kinds])
    if np.ptp(brings[by > 0]) == 0:
        return {}, [f"{name}: the kinds of quality that money wins do not differ in {what}, so none is stated"]
    worth = (brings - brings.mean()) / brings.std()

    def tilt(steep: Floats) -> Floats:
        """Return what each kind's chance by money is, (draws, kinds)."""
        each = by * np.exp(-steep[:, None] * worth)
        return np.asarray(each * (share @ by) / (each @ share)[:, None])

    def ratio(steep: Floats) -> Floats:
        """Return what those whom money adds bring."""
        return np.array([_ratio(kinds, brings, each) for each in tilt(steep)])

    wanted = sure[what]
    low, high = np.full(wanted.size, -STEEPEST), np.full(wanted.size, STEEPEST)
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        more = ratio(middle) > wanted  # the steeper, the less they bring
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    found = np.minimum(tilt((low + high) / 2), 100.0)
    beyond = float(np.mean((low > STEEPEST - 1) | (high < 1 - STEEPEST)))
    said = []
    if beyond > 0.025:
        said.append(
            f"{name}: in {beyond:.0%} of what is believed no mix of the stated kinds brings so little or so much; the "
            "nearest is taken"
        )
    draws = {}
    own["quality"] = [dict(each) for each in own["quality"]]
    for i, values in enumerate(found.T):
        path = f"segments.{name}.quality.{i}.acquisition_by_money"
        own["quality"][i]["acquisition_by_money"] = float(f"{np.median(values):.8g}")
        if np.ptp(values) > 0:
            draws[path] = values
    said.append(f"{name}: `quality`'s acquisition_by_money is tilted along what the kinds bring, its mean as stated")
    return draws, said
