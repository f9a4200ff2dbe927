"""Trees on what is known of customers, of a number or of classes, with as many leaves as those left out of it bear.

The only room that knows scikit-learn's trees. Source: Breiman, Friedman, Olshen and Stone (1984), *Classification and
Regression Trees*, chapters 3 and 8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.purchases.read.sql import literal, quoted

__all__ = ["Column", "Tree", "best_tree", "class_tree", "numbers_of"]

SURE = 2.0
"""Standard errors by which a tree must be better than the mean, so that luck is none."""
LARGEST = 3e38
"""Number that a tree bears: scikit-learn's are of single precision."""
FOLDS, LEAVES, SMALLEST_LEAF, MOST_VALUES = 5, (2, 3, 4, 6, 8, 12), 20, 20


class Column(NamedTuple):
    """A column of numbers made of one that is known of customers: its number, or whether it is ``value``."""

    name: str
    value: str | None


@dataclass(frozen=True, eq=False)
class Tree:
    """A fitted tree.

    Attributes
    ----------
    fitted : sklearn.tree.DecisionTreeRegressor or DecisionTreeClassifier
    columns : tuple of Column
    told : float
        Share of the variance told of customers left out of the fit; of classes: share of them in the right one.
    error : float
        Mean absolute error for them; of classes: share of them in a wrong one.
    """

    fitted: Any
    columns: tuple[Column, ...]
    told: float
    error: float

    def leaf(self, x: Floats) -> Ints:
        """Return the leaf of each row."""
        return np.asarray(self.fitted.apply(x), dtype=np.int64)

    def words(self) -> dict[int, str]:
        """Return what those in a leaf have in common, by leaf; of several cuts of one number the last."""
        return {leaf: ", ".join(dict(part[:2] for part in path).values()) for leaf, path in self._paths().items()}

    def sql(self, names: dict[int, str]) -> str:
        """Return the expression over table ``customers`` that gives each customer the name of its leaf."""
        cases = [
            f"WHEN {' AND '.join(part[2] for part in path)} THEN {literal(names[leaf])}"
            for leaf, path in self._paths().items()
        ]
        return f"CASE {' '.join(cases)} END"

    def _paths(self) -> dict[int, tuple[tuple[str, str, str], ...]]:
        """Return for each leaf the cuts that lead to it: which, in words, in SQL."""
        tree = self.fitted.tree_
        found: dict[int, tuple[tuple[str, str, str], ...]] = {}

        def walk(node: int, path: tuple[tuple[str, str, str], ...]) -> None:
            sides = int(tree.children_left[node]), int(tree.children_right[node])
            if sides[0] == sides[1]:
                found[node] = path
                return
            name, value = self.columns[int(tree.feature[node])]
            if value is not None:
                at = f"coalesce(CAST(customers.{quoted(name)} AS VARCHAR), '') {{}} {literal(value)}"
                parts = [(f"{name}={value}", f"{name} not {value}", at.format("<>")),
                         (f"{name}={value}", f"{name} {value}", at.format("="))]  # fmt: skip
            elif np.isinf(tree.threshold[node]):  # what is known from what is not
                low = f"TRY_CAST(customers.{quoted(name)} AS DOUBLE) IS NOT NULL"
                parts = [(f"{name} known", f"{name} known", low), (f"{name} known", f"{name} not known", f"NOT {low}")]
            else:
                cut = float(tree.threshold[node])
                missing = "true" if tree.missing_go_to_left[node] else "false"
                low = f"coalesce(TRY_CAST(customers.{quoted(name)} AS DOUBLE) <= {cut!r}, {missing})"
                parts = [(f"{name} up", f"{name} up to {cut:g}", low),
                         (f"{name} above", f"{name} above {cut:g}", f"NOT {low}")]  # fmt: skip
            for side, part in zip(sides, parts, strict=True):
                walk(side, (*path, part))

        walk(0, ())
        return found


def numbers_of(
    names: Sequence[str], known: Sequence[Sequence[Any]], new: Sequence[Sequence[Any]] = ()
) -> tuple[tuple[Column, ...], Floats, Floats]:
    """Return columns of numbers for rows known and new: a number is one, text one for each of its frequent values.

    What no sum bears (an infinite number) is not known.
    """
    columns: list[Column] = []
    sides: tuple[list[Floats], list[Floats]] = ([], [])
    for k, name in enumerate(names):
        values = [row[k] for row in known], [row[k] for row in new]
        numbers = [_as_number(each) for each in values]
        if numbers[0] is not None and numbers[1] is not None:
            columns.append(Column(name, None))
            sides[0].append(numbers[0])
            sides[1].append(numbers[1])
            continue
        text = [np.array(["" if value is None else str(value) for value in each], dtype=object) for each in values]
        found, counts = np.unique(text[0].astype(str), return_counts=True)
        frequent = sorted(found[np.lexsort((found, -counts))][:MOST_VALUES])
        if len(found) == 2:  # one says what the other does, and a tree would take either by chance
            frequent = [next(value for value in frequent if value)]
        for value in frequent:
            columns.append(Column(name, str(value)))
            for side, each in zip(sides, text, strict=True):
                side.append((each == value).astype(np.float64))
    return tuple(columns), np.column_stack(sides[0]), np.column_stack(sides[1])


def _as_number(values: Sequence[Any]) -> Floats | None:
    try:
        numbers = np.array([np.nan if value in (None, "") else float(value) for value in values])
    except (TypeError, ValueError, OverflowError):
        return None
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)


def best_tree(columns: tuple[Column, ...], x: Floats, y: Floats) -> Tree | None:
    """Return the tree with the least squared error on rows left out; None where it is no surer than their mean.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    whole = (y - y.mean()) ** 2
    found = _surest("DecisionTreeRegressor", x, y, lambda expected: whole - (y - expected) ** 2)
    if found is None:
        return None
    fitted, expected, gained = found
    return Tree(fitted, columns, gained / float(whole.sum()), float(np.abs(y - expected).mean()))


def class_tree(columns: tuple[Column, ...], x: Floats, y: Ints) -> tuple[Tree, Ints] | None:
    """Return the tree that puts most rows left out of it into their class, and the class each was put into.

    None where it is no surer than to take the largest class for all.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    largest = (y == np.bincount(y).argmax()).astype(np.float64)
    found = _surest("DecisionTreeClassifier", x, y, lambda put: (put == y) - largest)
    if found is None:
        return None
    fitted, put, _ = found
    right = float((put == y).mean())
    return Tree(fitted, columns, right, 1 - right), put


def _surest(kind: str, x: Floats, y: Any, gain: Callable[[Any], Floats]) -> tuple[Any, Any, float] | None:
    """Return the tree that gains most on rows left out of it, what it says of these, and the gain; None: none is sure.

    ``gain`` returns for each row by how much what a tree says is better than what would be said without one.
    """
    try:
        from sklearn import model_selection, tree
    except ImportError:
        raise InputError(
            "this needs a tree of scikit-learn, which is not installed: pip install 'tenure[trees]'"
        ) from None
    folds = model_selection.KFold(FOLDS, shuffle=True, random_state=0)
    best, most = None, 0.0
    for leaves in LEAVES:
        grown = getattr(tree, kind)(max_leaf_nodes=leaves, min_samples_leaf=SMALLEST_LEAF, random_state=0)
        said = model_selection.cross_val_predict(grown, x, y, cv=folds)
        gained = gain(said)
        if gained.sum() > max(most, SURE * np.sqrt(gained.size) * gained.std()):
            most = float(gained.sum())
            best = grown, said
    return None if best is None else (best[0].fit(x, y), best[1], most)
