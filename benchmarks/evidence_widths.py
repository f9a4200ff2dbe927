"""How wide intervals from logs of contacts are, against those of the right likelihood, which knows what made the data.

*Tiring*: people won of 40 groups of 1,000, money drawn anew for each group and period, binomial, money that tires.
*Pulled forward*: purchases of 1,500 customers, money drawn anew for each, Poisson, half of the added ones missing
later. The right likelihood has the same priors of what it looks for, and knows that nothing else is: no seasons, no
traits, no other effect of late, and that counts scatter as said. Its posterior is normal at its mode, as ours.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from sim.arrays import Floats
from sim.intervals import NORMAL, hessian
from sim.responses.learn import learn
from sim.responses.read import Trial
from sim.responses.shape import Shape, link
from sim.responses.tiring import FORGETS, PULLED, USUAL
from sim.scenario.file import Scenario, parse

__all__ = ["widths"]

REFERENCE, KEEP = 0.3, 0.6
ADVERTS = {"without_money": 0.004, "unlimited_money": 0.05, "spend": 0.5, "brings": 0.02}
OFFERS = {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.3, "brings": 0.25}
RANGES = {
    "acquisition": ((0.002, 0.006, 0.009), (0.01, 0.015, 0.03), (0.031, 0.08, 0.15)),
    "purchase_rate": ((-0.1, 0.02, 0.09), (0.1, 0.2, 0.5), (0.51, 0.9, 1.5)),
}
NUMBERS = ("without_money", "brings", "unlimited_money")
ROOM, PULLS = 0.8, 0.5


def guessed(moves: str, spend: float) -> Scenario:
    """Return what is believed before, with ranges."""
    ends = dict(zip(NUMBERS, RANGES[moves], strict=True))
    curve = {"spend": spend, **{name: middle for name, (_, middle, _) in ends.items()}}
    traits = {"purchase_rate": 1.0, "defection_rate": 0.07, "spend": 20}
    return parse({
        "name": "widths", "periods": 3, "segments": {"all": {"start": {"prospect": 100, "new": 100}, "traits": traits}},
        "levers": {"adverts": {"targets": ["prospect" if moves == "acquisition" else "new"], "reference": REFERENCE,
                               "moves": {moves: curve}}},
        "uncertain": [{"path": f"levers.adverts.moves.{moves}.{name}", "low": low, "high": high}
                      for name, (low, _, high) in ends.items()],
    })  # fmt: skip


def _of_late(money: Floats, keep: float, first: float) -> Floats:
    """Return what is of late, (periods, groups), of what comes in each period."""
    out = np.empty_like(money)
    late = np.full(money.shape[1], first)
    for t, now in enumerate(money):
        out[t] = late
        late = keep * late + (1 - keep) * now
    return out


def _means(shape: Shape, moves: str, money: Floats, theta: Floats, late: float, keep: float) -> Floats:
    """Return chances, or purchases a head over those of no lever, (periods, groups); ``late``: ``1/R`` or the share."""
    if moves == "acquisition":
        works = money * (1 + late * REFERENCE) / (1 + late * _of_late(money, keep, REFERENCE))
        return shape.at(theta, works.ravel()).reshape(money.shape)
    usual = 1 + float(shape.at(theta, np.array([REFERENCE]))[0])
    gain = (1 + shape.at(theta, money.ravel()).reshape(money.shape)) / usual
    return np.asarray(np.maximum(gain - late * _of_late(gain - 1, keep, 0.0), 1e-6))


def _log(moves: str, seed: int) -> tuple[Trial, Floats, Floats, Floats]:
    """Return a log, and by period and group its money, heads and sums."""
    random = np.random.default_rng(seed)
    adverts = moves == "acquisition"
    stated = guessed(moves, 0.5 if adverts else 0.3).levers["adverts"].moves[moves]
    truth = Shape(stated.model_copy(update=ADVERTS if adverts else OFFERS), moves)
    if adverts:
        money = np.exp(random.normal(-1.2, 1.0, (30, 40))) * (random.random((30, 40)) < 0.7)
        heads = np.full(money.shape, 1000.0)
        sums = random.binomial(1000, _means(truth, moves, money, truth.start, 1 / ROOM, KEEP)).astype(np.float64)
    else:
        money = random.choice([0.0, 0.3, 1.5], (16, 1500))
        heads = np.ones(money.shape)
        sums = random.poisson(_means(truth, moves, money, truth.start, PULLS, KEEP)).astype(np.float64)
    when, who = (each.ravel() for each in np.indices(money.shape))
    trial = Trial(
        ("adverts", moves, ""), money.ravel(), (sums / heads).ravel(), heads.ravel(), np.ones(money.size), False,
        "log.csv", who=who, when=when,
    )  # fmt: skip
    return trial, money, heads, sums


def _right(moves: str, scenario: Scenario, money: Floats, heads: Floats, sums: Floats) -> dict[str, float]:
    """Return 95 % widths under the right likelihood."""
    shape = Shape(scenario.levers["adverts"].moves[moves], moves)
    spends = np.array([0.0, scenario.levers["adverts"].moves[moves].spend, np.inf])
    middle = link(shape.kind, np.array([each[1] for each in RANGES[moves]]))
    sd = np.array([np.ptp(link(shape.kind, np.array([low, high]))) for low, _, high in RANGES[moves]]) / (2 * NORMAL)
    adverts = moves == "acquisition"
    usual = max(REFERENCE, float(money[money > 0].mean()))
    unit = USUAL / usual if adverts else PULLED
    level = 0.0 if adverts else float(np.log(sums.sum() / heads.sum()))

    def loss(x: Floats) -> float:
        keep = float(1 / (1 + np.exp(-x[4])))
        mean = np.clip(_means(shape, moves, money, x[:3], float(x[3]), keep), 1e-9, None)
        away = (link(shape.kind, shape.at(x[:3], spends)) - middle) / sd
        own = 0.5 * float(away @ away) + 0.5 * float((x[3] / unit) ** 2 + (x[4] / FORGETS) ** 2)
        if adverts:
            p = np.minimum(mean, 1 - 1e-9)
            return own - float((sums * np.log(p) + (heads - sums) * np.log1p(-p)).sum())
        expected = heads * mean * np.exp(x[5])
        return own - float((sums * np.log(expected) - expected).sum())

    begin = np.array([*shape.start, 0.5 * unit, 0.0, *([] if adverts else [level])])
    best = minimize(loss, begin, method="Nelder-Mead", options={"maxiter": 6000, "maxfev": 6000, "fatol": 1e-7}).x
    best = minimize(loss, best, method="BFGS").x
    draws = np.random.default_rng(0).multivariate_normal(best, np.linalg.inv(hessian(loss, best, 1e-3)), 2000)
    late = 1 / np.maximum(draws[:, 3], np.percentile(draws[:, 3], 2.5)) if adverts else draws[:, 3]
    asked = np.array([0.0, np.inf])
    curves = np.array([shape.at(each[:3], asked) for each in draws])
    found = {"without money": curves[:, 0], "unlimited money": curves[:, 1], "of late": late,
             "keep": 1 / (1 + np.exp(-draws[:, 4]))}  # fmt: skip
    return {name: float(np.ptp(np.percentile(each, (2.5, 97.5)))) for name, each in found.items()}


def widths(repeats: int, tell: Callable[[str], None] = print) -> dict[str, float]:
    """Print, and return, median widths by those of the right likelihood, of logs in which something was told."""
    out = {}
    for moves, what in (("acquisition", "fatigue"), ("purchase_rate", "pulled_forward")):
        scenario, ratios = guessed(moves, 0.5 if moves == "acquisition" else 0.3), dict[str, list[float]]()
        for seed in range(repeats):
            trial, *cells = _log(moves, seed)
            found = learn(scenario, [trial], [])
            late = {each.key: each.high - each.low for each in found.of_late}
            if what not in late:
                continue
            ours = {"without money": 0.0, "unlimited money": np.inf}
            own = {name: next(r.high - r.low for r in found.curves if r.at == at) for name, at in ours.items()}
            own |= {"of late": late[what], "keep": late["keep"]}
            for name, right in _right(moves, scenario, *cells).items():
                ratios.setdefault(name, []).append(own[name] / right)
        for name, each in ratios.items():
            out[f"{what}/{name}"] = float(np.median(each))
            tell(f"log of contacts, {what}: {name}: {np.median(each):.2f} times as wide as right ({len(each)} logs)")
    return out
