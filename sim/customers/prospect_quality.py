"""Of what quality people to win are: how likely each is to be won, and what it brings then.

Of the people of a file some became customers since. A logistic regression on what the file knows of them,

    P(won_i) = 1 / (1 + exp(-(b_0 + b x_i)))        x_i: columns, in standard deviations; b shrunk by b'b / (2 C),

with ``C`` chosen by the likelihood of people left out of the fit, and made true to size by a second one of ``won`` on
the log-odds of those left out (Platt 1999); and a tree of what the won brought in their first year
(:mod:`sim.customers.worth_winning`). Those who are no customers yet are parted into classes of equal size by chance x
worth, and each class is ``quality`` of a scenario: its chance over that of all, and its worth over that of the won.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from sim.arrays import Floats, Ints
from sim.customers.tree import FOLDS, SURE, Column, best_tree, numbers_of
from sim.customers.worth_winning import FEWEST, first_year
from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.beside import people_with_columns
from sim.purchases.read.sources import shown

__all__ = ["Chances", "QualityClass", "chances", "chances_of", "quality_classes"]

CLASSES = 3
PENALTIES = (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True)
class Chances:
    """How likely people are to be won.

    Attributes
    ----------
    won : (people,)
        Expected chance, over as long as the file is old.
    known, known_won : int
        People it is told from, and how many of them were won.
    ranked : float
        Chance that of two left out of the fit, one won and one not, the won one was thought likelier (area under the
        receiver operating characteristic).
    slope : float
        Of the calibration: 1 where the odds of those left out were true to size, below where they were too far apart.
    """

    won: Floats
    known: int
    known_won: int
    ranked: float
    slope: float

    def words(self) -> str:
        """Return what tells who is won, and how well."""
        return (
            f"who is won is told by a logistic regression of {self.known_won:,} who are customers by now and "
            f"{self.known - self.known_won:,} who are not: of two left out of it, the won one is thought likelier in "
            f"{self.ranked:.0%}; slope of its calibration {self.slope:.2f} (1: true to size)"
        )


@dataclass(frozen=True)
class QualityClass:
    """A class of people to win: its share of them, its chance over all's and its worth over that of the won."""

    share: float
    acquisition: float
    spend: float


def chances(x: Floats, won: Floats, new: Floats) -> Chances | None:
    """Return the chances of new people by those of whom it is known; None where columns do not surely tell them.

    Parameters
    ----------
    x, new : (people, columns)
        Numbers; nan where not known, which is told by a column of its own.
    won : (people,)
        1 for those who were won.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or columns tell without fail: such are filled in once people are won.
    """
    try:
        from sklearn import linear_model, metrics, model_selection
    except ImportError:
        raise InputError("this needs scikit-learn, which is not installed: pip install 'tenure[trees]'") from None
    if min(won.sum(), (1 - won).sum()) < FEWEST:
        return None
    x, new = _standard(x, new)
    folds = model_selection.StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    found: tuple[float, Any, Floats] | None = None
    for penalty in PENALTIES:
        law = linear_model.LogisticRegression(C=penalty, max_iter=1000)
        out = model_selection.cross_val_predict(law, x, won, cv=folds, method="decision_function")
        total = float(_log_likelihood(out, won).sum())
        if found is None or total > found[0]:
            found = total, law, out
    assert found is not None
    _, law, out = found
    if out[won == 1].min() > out[won == 0].max():
        raise InputError(
            "its columns tell without fail who is a customer by now, so one is filled in only then; leave it out"
        )
    gained = _log_likelihood(out, won) - _log_likelihood(np.full(len(won), special.logit(won.mean())), won)
    if gained.sum() <= SURE * np.sqrt(gained.size) * gained.std():
        return None
    sized = linear_model.LogisticRegression(C=np.inf, max_iter=1000).fit(out[:, None], won)
    odds = law.fit(x, won).decision_function(new)
    return Chances(
        sized.predict_proba(odds[:, None])[:, 1], len(won), int(won.sum()), float(metrics.roc_auc_score(won, out)),
        float(sized.coef_[0, 0]),
    )  # fmt: skip


def _log_likelihood(odds: Floats, won: Floats) -> Floats:
    result: Floats = won * odds - np.logaddexp(0.0, odds)
    return result


def _standard(x: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Return columns in standard deviations around their mean, the unknown at it and told by a column of their own."""
    unknown = np.isnan(x)
    middle = np.nanmean(np.where(unknown.all(axis=0), 0.0, x), axis=0)
    each = [np.where(np.isnan(side), middle, side) for side in (x, new)]
    spread = each[0].std(axis=0)
    scaled = [(side - middle) / np.where(spread > 0, spread, 1.0) for side in each]
    some = unknown.any(axis=0)
    missing = [np.isnan(side)[:, some].astype(np.float64) for side in (x, new)]
    return np.hstack([scaled[0], missing[0]]), np.hstack([scaled[1], missing[1]])


def quality_classes(
    base: CustomerBase, record: PurchaseSummary, where: str | Path, key: Path | None = None
) -> tuple[tuple[QualityClass, ...], tuple[str, ...]]:
    """Return the classes of a file's people who are no customers yet, the best first, and what should be said of them.

    There are none where the file knows nothing that surely tells people apart.

    Parameters
    ----------
    record
        The customers, until the last day that counts.
    where
        File or database of people: customers among them are those who were won.
    key
        File with the key by which the base's ids are hashed.

    Raises
    ------
    PurchasesError
        If the file cannot be read.
    """
    name = shown(where)
    try:
        people = _people(base, record, where, key)
        if not people.facts:
            return (), ()
        told = chances(people.x, people.won, people.new)
        worth, of_worth = _worth(base, record, people)
    except PurchasesError:
        raise
    except InputError as error:
        return (), (f"{name}: people to win are taken as alike: {error}",)
    listed, were = people.names, people.were
    if told is None and worth is None:
        return (), (
            f"{name}: {listed} do not surely tell who is won ({were}) or what they bring: people to win are taken as "
            "alike",
        )
    left = people.left
    chance = np.ones(len(left)) if told is None else told.won
    worth = np.ones(len(left)) if worth is None else worth
    notes = [f"{name}: people to win are parted into {CLASSES} classes of quality by {listed}"]
    notes += [f"{name}: who is won is not surely told ({were})" if told is None else f"{name}: {told.words()}"]
    parts = np.array_split(np.argsort(-chance * worth, kind="stable"), CLASSES)
    return tuple(
        QualityClass(
            len(part) / len(left),
            float(chance[part].mean() / chance.mean()),
            float(chance[part] @ worth[part] / chance[part].sum()),
        )
        for part in parts
        if len(part)
    ), (*notes, *(f"{name}: {each}" for each in of_worth))


def chances_of(
    base: CustomerBase, record: PurchaseSummary, where: str | Path
) -> tuple[tuple[str, ...], Chances | None, tuple[str, ...]]:
    """Return a file's people who are no customers yet, how likely each is to be won (None: not told), and what to say.

    Nothing is said of a file that holds no customer.
    """
    people = _people(base, record, where, None)
    if not (people.facts and people.won.any()):
        return people.left, None, ()
    try:
        told = chances(people.x, people.won, people.new)
    except InputError as error:
        return people.left, None, (f"who is won is not told: {error}",)
    said = f"{people.names} do not surely tell who is won ({people.were})" if told is None else told.words()
    return people.left, told, (said,)


class _People(NamedTuple):
    """People of a file: of each the place in the record (-1: no customer), those who are left, and what is known."""

    at: Ints
    left: tuple[str, ...]
    facts: tuple[Column, ...]
    x: Floats
    new: Floats

    @property
    def won(self) -> Floats:
        return (self.at >= 0).astype(np.float64)

    @property
    def names(self) -> str:
        return ", ".join(dict.fromkeys(each.name for each in self.facts))

    @property
    def were(self) -> str:
        return f"{int(self.won.sum()):,} of {len(self.at):,} were"


def _people(base: CustomerBase, record: PurchaseSummary, where: str | Path, key: Path | None) -> _People:
    who, columns, _ = people_with_columns(where, base, key=key, everybody=True)
    place = {str(each): i for i, each in enumerate(record.customer_id)}
    at = np.array([place.get(each, -1) for each in who])
    left = tuple(each for each, there in zip(who, at, strict=True) if there < 0)
    if not columns:
        return _People(at, left, (), np.empty((len(at), 0)), np.empty((len(left), 0)))
    rows = list(zip(*columns.values(), strict=True))
    facts, x, new = numbers_of(list(columns), rows, [row for row, there in zip(rows, at, strict=True) if there < 0])
    return _People(at, left, facts, x, new)


def _worth(base: CustomerBase, record: PurchaseSummary, people: _People) -> tuple[Floats | None, tuple[str, ...]]:
    """Return what new people bring over the mean of the won, None where nothing surely tells, and what to say of it."""
    days, brought, known = first_year(base, record, np.ones(len(record)))
    of = np.full(len(record), np.nan)
    of[known] = brought
    y = np.where(people.at >= 0, of[people.at], np.nan)
    seen = np.isfinite(y)
    if seen.sum() < FEWEST or not y[seen].any():
        return None, (f"{seen.sum():,} of the won are known for {days} days, too few to tell what they bring",)
    tree = best_tree(people.facts, people.x[seen], y[seen])
    if tree is None:
        return None, ("what the won bring is not surely told by it",)
    said = f"what the won bring in their first {days} days is told to {tree.told:.0%} of its variance"
    return np.asarray(tree.fitted.predict(people.new)) / y[seen].mean(), (said,)
