"""Segments that are found rather than given: by a tree on what is known of customers, a mixture on how they buy.

What is found is frozen in plain form, so that the scenario needs no fit to be opened: the tree as SQL over the base's
``customers``, the mixture as a file of id and segment beside the scenario.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.tree import best_tree, class_tree, numbers_of
from sim.errors import InputError
from sim.files import write_table
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.read.sql import quoted
from sim.scenario.customers import BaseSegments

__all__ = ["Place", "Placement", "mixture_file", "mixture_segments", "placement", "tree_segments"]

MOST_GROUPS = 8
STARTS = 5
FEWEST_PLACED = 100
"""Classified customers from which others are placed."""


def tree_segments(base: CustomerBase, record: PurchaseSummary, worth: Floats) -> tuple[BaseSegments, tuple[str, ...]]:
    """Return segments by the columns of customers that tell their worth best, and what should be said of them.

    Raises
    ------
    InputError
        If nothing is known of customers, or what is known tells nothing of what they are worth.
    """
    names = base.customer_columns
    if not names:
        raise InputError("`segments=tree`: the base knows nothing of its customers; load it with a file of customers")
    columns, x, _ = numbers_of(names, _known(base, record, names))
    tree = best_tree(columns, x, worth)
    if tree is None:
        raise InputError(
            f"`segments=tree`: no tree on {', '.join(names)} tells surely more of what customers left out of the fit "
            "will buy than their mean does: what they tell, if anything, is too little to part customers by"
        )
    leaf, words = tree.leaf(x), tree.words()
    order = sorted(words, key=lambda each: -float(worth[leaf == each].mean()))
    how = BaseSegments(by="sql", sql=tree.sql(words), names=tuple(words[each] for each in order))
    return how, (
        f"segments by a tree on {', '.join(dict.fromkeys(words_of.name for words_of in columns))}: {len(order)}, which "
        f"tell {tree.told:.0%} of the variance of expected purchases of customers left out of the fit",
    )


def _known(base: CustomerBase, record: PurchaseSummary, names: Sequence[str]) -> list[Sequence[Any]]:
    """Return what is known of each customer in some columns."""
    listed = ", ".join(quoted(name) for name in names)
    known = base.query(f"SELECT CAST(customer_id AS VARCHAR), {listed} FROM customers")[1]
    rows = {who: facts for who, *facts in known}
    return [rows.get(str(who), [None] * len(names)) for who in record.customer_id]


class Placement(NamedTuple):
    """Segments of customers who have none, by what is known of them.

    Attributes
    ----------
    labels : tuple of str
        Everybody's segment: its own, or the one it is placed in.
    sql : str
        Where those without are placed, over table ``customers``.
    note : str
        By what, and how many of those left out of the fit were placed right, of all and by segment.
    """

    labels: tuple[str, ...]
    sql: str
    note: str


def placement(
    base: CustomerBase, record: PurchaseSummary, labels: Sequence[str | None], names: Sequence[str],
    without: str | None = None,
) -> Placement | str:  # fmt: skip
    """Return where customers without a segment belong by their attributes, or why that cannot be told.

    Parameters
    ----------
    labels : (customers,)
        Segments; None or empty: not classified yet.
    names
        Segments in which people are placed.
    without
        A column that does not count: the segment itself.
    """
    told = [name for name in base.customer_columns if name != without]
    place = {name: i for i, name in enumerate(names)}
    y = np.array([place.get(label or "", -1) for label in labels], dtype=np.int64)
    rows = _known(base, record, told) if told else []
    if not told or (y >= 0).sum() < FEWEST_PLACED:
        return "too few customers are classified" if told else "nothing else is known of customers"
    known = y >= 0
    columns, x, _ = numbers_of(told, rows)
    try:
        found = class_tree(columns, x[known], y[known])
    except InputError as error:
        return str(error)
    if found is None:
        return f"{', '.join(told)} tell no more of those left out of the fit than that most are {_largest(y, names)}"
    tree, put = found
    leaf = tree.leaf(x)
    classes = {int(each): names[int(tree.fitted.classes_[np.argmax(tree.fitted.tree_.value[each][0])])]
               for each in np.unique([*leaf.tolist(), *tree.words()])}  # fmt: skip
    placed = tuple(label or classes[int(at)] for label, at in zip(labels, leaf, strict=True))
    own = y[known]
    by = ", ".join(
        f"{name} {float((put[own == i] == i).mean()):.0%}" for i, name in enumerate(names) if (own == i).any()
    )
    note = (
        f"{sum(not label for label in labels):,} customers without a segment are placed by "
        f"{', '.join(dict.fromkeys(each.name for each in columns))}: of those left out of the fit {tree.told:.0%} were "
        f"placed right ({by}), where taking the largest for all is right for {float((own == _most(own)).mean()):.0%}; "
        "that holds for them as far as they are like those who are classified"
    )
    return Placement(placed, tree.sql(classes), note)


def _most(y: Ints) -> int:
    return int(np.bincount(y[y >= 0]).argmax())


def _largest(y: Ints, names: Sequence[str]) -> str:
    return repr(names[_most(y)])


def mixture_file(scenario: Path) -> Path:
    """Return where it is written who is in which group of a scenario's mixture."""
    return scenario.with_name(f"{scenario.stem}.segments.csv")


Place = Callable[[PurchaseSummary, ParetoNBD, GammaGamma], Ints]
"""From records and the laws fitted to them to each customer's group, by the mixture that was found."""


def mixture_segments(
    base: CustomerBase, record: PurchaseSummary, laws: ParetoNBD, amounts: GammaGamma, worth: Floats, output: Path
) -> tuple[BaseSegments, tuple[str, ...], Place]:
    r"""Return segments by a mixture of normal laws on posterior traits, write who is in which, and return who would be.

    Traits are the logarithms of the mean rate and mean spend and the log odds of P(alive), each by its own deviation;
    the number of groups has the least BIC, ``-2 log L + k log n``. Source: Fraley and Raftery (2002), "Model-Based
    Clustering, Discriminant Analysis, and Density Estimation", JASA 97, 611-631.

    Parameters
    ----------
    output : path
        The scenario; the file stands beside it.

    Returns
    -------
    The segments, what should be said of them, and what places customers by other records in the same groups: those
    of a time before the held-out weeks, whose purchases the file has seen.

    Raises
    ------
    InputError
        If one group has the least BIC, or scikit-learn is not installed.
    """
    try:
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise InputError("`segments=mixture`: needs scikit-learn: pip install 'tenure[trees]'") from None
    import pandas as pd

    alive, rate, spend = _traits(record, laws, amounts)
    traits = _in_logarithms(alive, rate, spend)
    spread = traits.std(axis=0)

    def scaled(of: Floats) -> Floats:
        return np.asarray((of - traits.mean(axis=0))[:, spread > 1e-9] / spread[spread > 1e-9])

    x = scaled(traits)
    with threadpool_limits(1):  # who is in which group is no matter of how many processors add up
        fits = [
            GaussianMixture(k, n_init=STARTS, random_state=0, reg_covar=1e-4).fit(x) for k in range(1, MOST_GROUPS + 1)
        ]
        bic = [float(fit.bic(x)) for fit in fits]
        best = fits[int(np.argmin(bic))]
        group = best.predict(x)
    there = [g for g in range(best.n_components) if (group == g).any()]
    if len(there) < 2:
        raise InputError("`segments=mixture`: by BIC all customers are of one kind; there are no groups to find")
    order = sorted(there, key=lambda g: -float(worth[group == g].mean()))
    names = tuple(f"group {i + 1}" for i in range(len(order)))
    label = np.array(names)[np.argsort(order)][np.searchsorted(sorted(order), group)]

    def place(of: PurchaseSummary, by: ParetoNBD, money: GammaGamma) -> Ints:
        chance = best.predict_proba(scaled(_in_logarithms(*_traits(of, by, money))))[:, order]
        return np.asarray(chance.argmax(axis=1), dtype=np.int64)

    file = mixture_file(output)
    write_table(file, pd.DataFrame({"customer_id": record.customer_id, "segment": label}))
    certain = float(best.predict_proba(x).max(axis=1).mean())
    said = "; ".join(
        f"{name}: {int((group == g).sum()):,} customers, one purchase in {_middle(1 / rate[group == g]):.3g} weeks of "
        f"{_middle(spend[group == g]):,.4g}, P(alive) {_middle(alive[group == g]):.2f}"
        for name, g in zip(names, order, strict=True)
    )
    edge = f"; {MOST_GROUPS} is the most that was tried" if best.n_components == MOST_GROUPS else ""
    how = BaseSegments(by="file", file=Path(os.path.relpath(file, output.parent)).as_posix(), names=names)
    note = (
        f"segments by a mixture of {len(order)} groups (BIC {min(bic):,.0f}, of one group {bic[0]:,.0f}{edge}), each "
        f"customer in its own with a mean chance of {certain:.0%}: {said}; who is in which stands in {file}"
    )
    return how, (note,), place


def _traits(record: PurchaseSummary, laws: ParetoNBD, amounts: GammaGamma) -> tuple[Floats, Floats, Floats]:
    """Return P(alive), mean rate and mean spend of each customer."""
    alive = np.clip(laws.probability_alive(record.frequency, record.recency, record.age), 1e-6, 1 - 1e-6)
    rate = laws.mean_purchase_rate(record.frequency, record.recency, record.age)
    return alive, rate, amounts.conditional_mean_spend(record.purchases, record.mean_amount_all)


def _in_logarithms(alive: Floats, rate: Floats, spend: Floats) -> Floats:
    return np.column_stack([np.log(rate), np.log(np.maximum(spend, 1e-12)), np.log(alive / (1 - alive))])


def _middle(values: Floats) -> float:
    return float(np.median(values))
