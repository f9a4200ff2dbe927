"""What binds a customer to the firm: ties to its people, of one kind or several, and the categories bought.

Each is held in whole numbers, 0 up to a most, and moves by at most one a period. Of ``h`` held, with a chance ``l``
each to be lost and ``g`` of one more,

``P(none lost) = (1 - l)^h``, ``P(one fewer) = 1 - (1 - l)^h``, ``P(one more) = (1 - l)^h g`` below the most,

and a customer whose only tie is lost leaves with it with chance ``follow``. Several move independently of each other:
a customer's *bond* is the number of what it holds of each, and the odds of a move are products. What they multiply
(defection rate, purchase rate, amount) is divided by its mean over the mix in the data: neutral in the mean.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.bond_kernels import Bonds
from sim.engine.columns import (
    ADDED,
    DROPPED,
    FALLEN,
    RISEN,
    TIED,
    TIED_TO_EXPERTS,
    TIED_TO_MANAGERS,
    TURNOVER,
    TURNOVER_OF_EXPERTS,
    TURNOVER_OF_MANAGERS,
)
from sim.scenario.bonds import Categories, Club, Links
from sim.scenario.customers import STAGES, Stage
from sim.scenario.kinds import KINDS, TO_KIND
from sim.scenario.people import Established

__all__ = [
    "TIES",
    "bond_mix",
    "bond_names",
    "bonds_of",
    "held_by",
    "holdings",
    "raising",
]

TIES = 4
"""Ties that are all alike: 0..3."""
_COLUMNS = {
    "links": (TIED, TURNOVER),
    "desk": (TIED, TURNOVER),
    "managers": (TIED_TO_MANAGERS, TURNOVER_OF_MANAGERS),
    "experts": (TIED_TO_EXPERTS, TURNOVER_OF_EXPERTS),
    "categories": (ADDED, DROPPED),
    "club": (RISEN, FALLEN),
}
_RAISED_BY: dict[str, str] = {"links": "links", "categories": "cross_buying", "club": "club"}
_RAISED_BY |= {kind: effect for effect, kind in TO_KIND.items()}
"""The effect of levers that raises each."""


class _Kind(NamedTuple):
    """What there may be of one kind: name, mix of numbers, chances by stage or in all, factors and money by number."""

    name: str
    mix: tuple[float, ...]
    gain: float | Floats
    loss: float | Floats
    follow: float
    factors: Floats
    reward: tuple[float, ...] = ()


def _kinds(links: Links | None, categories: Categories | None, club: Club | None = None) -> list[_Kind]:
    found = []
    if links is not None and links.mix is not None:
        factors = _factors(TIES, 1 - links.defection_per_link)
        found.append(_Kind("links", links.mix, links.gain, 0.0, links.follow, factors))
    for name in KINDS if links is not None else ():
        kind = links.kinds.get(name) if links is not None else None
        if kind is not None:
            factors = _factors(2, 1 - kind.defection_per_link)
            found.append(_Kind(name, (1 - kind.share, kind.share), kind.gain, kind.turnover, kind.follow, factors))
    if categories is not None:
        factors = _factors(len(categories.names), 1 - categories.defection_per_category)
        for column, given in ((1, categories.purchase_rate), (2, categories.amount)):
            factors[:, column] = np.array(given) / given[0] if given else 1.0
        found.append(_Kind("categories", categories.mix, categories.gain, categories.loss, 0.0, factors))
    if club is not None:
        factors = _factors(1 + len(club.grades), 1 - club.defection_per_grade)
        for column, given in ((1, club.purchase_rate), (2, club.amount)):
            factors[1:, column] = given or 1.0
        rises, falls = _by_stage(club.rises), _by_stage(club.falls)
        found.append(_Kind("club", with_the_rest(club.mix), rises, falls, 0.0, factors, (0.0, *club.reward)))
    return found


def with_the_rest(shares: tuple[float, ...]) -> tuple[float, ...]:
    """Return shares by grade with those who are no members before them."""
    return (max(1 - sum(shares), 0.0), *shares)


def _by_stage(given: Mapping[Stage, float]) -> Floats:
    """Return chances by stage, 0 where none is stated."""
    out = np.zeros(len(STAGES))
    for stage, chance in given.items():
        out[STAGES.index(stage)] = chance
    return out


def _factors(number: int, step: float) -> Floats:
    """Return what is multiplied by number held: the defection rate by ``step`` each, nothing else."""
    out = np.ones((number, 3))
    out[:, 0] = step ** np.arange(float(number))
    return out


def bonds_of(links: Links | None, categories: Categories | None, club: Club | None = None) -> Bonds:
    """Return what customers may hold; of nothing, one bond without kinds.

    Examples
    --------
    >>> known = bonds_of(Links(mix=(0.4, 0.3, 0.2, 0.1)), None)
    >>> known.held[:, 0], known.after[0]
    (array([0, 1, 2, 3]), array([0, 1, 0]))
    """
    kinds = _kinds(links, categories, club)
    sizes = [len(kind.mix) for kind in kinds]
    ways = [2 if size == 2 else 3 for size in sizes]
    held, move = _places(sizes), _places(ways)
    up = np.array([int(np.prod(ways[k + 1 :])) for k in range(len(kinds))], dtype=np.int64)
    most = np.array(sizes, dtype=np.int64) - 1
    tie = np.array([kind.name not in ("categories", "club") for kind in kinds], dtype=bool)
    change = np.where(move == 2, -1, move)[None] * np.ones_like(held)[:, None]
    flips = (most == 1) & (held[:, None] == 1) & (move == 1)
    after = np.clip(held[:, None] + np.where(flips, -1, change), 0, most)
    stride = np.array([int(np.prod(sizes[k + 1 :])) for k in range(len(kinds))], dtype=np.int64)
    effects, reward = np.ones((len(held) + 1, 3)), np.zeros(len(held) + 1)
    chances = np.zeros((2, len(kinds), len(STAGES)))
    for k, kind in enumerate(kinds):
        chances[:, k] = [np.broadcast_to(each, len(STAGES)) for each in (kind.gain, kind.loss)]
        reward[:-1] += np.array(kind.reward)[held[:, k]] if any(kind.reward) else 0.0
        mix = np.array(kind.mix) / sum(kind.mix)
        for column, factor in enumerate(kind.factors.T.copy()):
            if np.ptp(factor):  # else 1 and not nearly so
                effects[:-1, column] *= (factor / (mix @ factor))[held[:, k]]
    return Bonds(
        held, (held * tie).sum(axis=1) == 1, (after * stride).sum(axis=2), move,
        np.stack([up, np.where(most == 1, up, 2 * up)], axis=1), most,
        np.array([_COLUMNS[kind.name][0] for kind in kinds], dtype=np.int64),
        np.array([_COLUMNS[kind.name][1] for kind in kinds], dtype=np.int64),
        chances[0], chances[1], tie, np.array([kind.follow for kind in kinds], dtype=float),
        links.kept if links is not None else 0.0, effects, reward,
    )  # fmt: skip


def _places(sizes: list[int]) -> Ints:
    """Return all combinations of numbers below ``sizes``, (combinations, sizes); of no sizes, one."""
    return np.ascontiguousarray(np.indices(sizes, dtype=np.int64).reshape(len(sizes), int(np.prod(sizes))).T)


def holdings(links: Links | None, categories: Categories | None, club: Club | None = None) -> list[str]:
    """Return the name of each of what customers may hold."""
    return [kind.name for kind in _kinds(links, categories, club)]


def raising(links: Links | None, categories: Categories | None, club: Club | None = None) -> list[str]:
    """Return the effect of levers that raises each of what customers may hold."""
    return [_RAISED_BY[name] for name in holdings(links, categories, club)]


def bond_mix(
    links: Links | None, categories: Categories | None, club: Club | None = None, each: Established | None = None
) -> Floats:
    """Return shares of customers by bond: as stated for who is there already, or else as in the data.

    Kinds are independent of each other; (1,) where nothing binds.
    """
    out = np.ones(1)
    for kind in _kinds(links, categories, club):
        stated = None if each is None else _stated(each, kind.name)
        mix = np.array(kind.mix) / sum(kind.mix) if stated is None else np.array(stated)
        out = np.outer(out, mix).ravel()
    return out


def _stated(each: Established, name: str) -> tuple[float, ...] | None:
    """Return the mix of one kind that is stated for who is there already; none: as in the data."""
    if name == "categories":
        return each.categories
    if name == "club":
        return None if each.club is None else with_the_rest(each.club)
    if not isinstance(each.ties, dict):
        return each.ties
    share = {str(kind): share for kind, share in each.ties.items()}.get(name)
    return None if share is None else (1 - share, share)


def held_by(bonds: Bonds, what: str) -> Ints:
    """Return by bond how many ``ties``, ``categories`` or ``grades`` are held; who buys at all buys in one category."""
    if what == "ties":
        return np.asarray((bonds.held * bonds.tie).sum(axis=1))
    if what == "grades":
        return np.asarray((bonds.held * (bonds.gain_of == RISEN)).sum(axis=1))
    return np.asarray((bonds.held * (bonds.gain_of == ADDED)).sum(axis=1) + 1)


def bond_names(links: Links | None, categories: Categories | None, club: Club | None = None) -> list[str]:
    """Return the bonds in words."""
    kinds, bonds = _kinds(links, categories, club), bonds_of(links, categories, club)
    out = []
    for held in bonds.held.tolist():
        number = dict(zip((kind.name for kind in kinds), held, strict=True))
        ties = [name for name in KINDS if number.get(name)]
        parts = [f"{number['links']} ties"] if "links" in number else []
        parts += [f"tied to {' and '.join(ties) or 'nobody'}"] if links is not None and links.kinds else []
        parts += [f"{number['categories'] + 1} categories"] if "categories" in number else []
        parts += [("no member", *club.grades)[number["club"]]] if club is not None else []
        out.append(", ".join(parts))
    return out
