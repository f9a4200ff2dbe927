"""Prepared views of the run table in MLflow's pages, each a link: nobody has to choose columns, filters and order.

The pages open a view that is stored as a tag of its experiment (``viewStateShareKey``). MLflow does not document that,
so it is looked for in the pages that are installed, and where it is not found a link has filter and order alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from experiments.tracking.sender import key_of

__all__ = ["DECISION", "LEADERBOARD_TAG", "MACHINE_LEARNING", "PLACE", "View", "link_of", "stored", "views_of"]

PLACE = "#/experiments/{experiment}/runs"
MACHINE_LEARNING = "workflowType=machine_learning"
"""Of every address: the layout of MLflow's pages that our columns stand in."""
"""Of an experiment's runs in MLflow's pages; a run is below it, under its number."""
FIGURES = ("gain", "regret", "gain_low", "gain_high", "asset", "kept", "spend", "rules_broken")
RUN_NAME = "attributes.`Run Name`"
MOST_COLUMNS = 20
DECISION = "tags.layer = 'policy'"
"""Finds every policy of an experiment."""
LEADERBOARD_TAG = "leaderboard"
"""Tag of a study's parent run: where in MLflow's pages its policies are listed, best first."""


@dataclass(frozen=True)
class View:
    """A view of the run table: which runs, in what order, with which columns."""

    name: str
    title: str
    which: str
    order: str
    columns: tuple[str, ...]
    ascending: bool = False

    def state(self) -> str:
        """Return the state of MLflow's page."""
        return json.dumps({
            "searchFilter": self.which,
            "orderByKey": self.order,
            "orderByAsc": self.ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": list(self.columns),
            "columnOrder": [RUN_NAME, *self.columns],
            "columnWidths": {RUN_NAME: 340},
            "viewMaximized": True,
            "runListHidden": False,
            "hideEmptyCharts": True,
        })  # fmt: skip


def views_of(study: str, which: str, differing: Sequence[str], several_worlds: bool) -> list[View]:
    """Return the views of a study: leaderboard, worlds x policies, best per world, what differs, the whole decision.

    Parameters
    ----------
    study
        Names them; views of one name replace each other.
    which
        Filter that finds the study's policies.
    differing
        Parameters in which they differ.
    """
    figures = tuple(f"metrics.`{name}`" for name in FIGURES)
    world = tuple(f"params.`{name}`" for name in ("world", "budget", "policy"))
    key = "metrics.`regret`" if several_worlds else "metrics.`gain`"
    differ = [f"params.`{key_of(name)}`" for name in differing[:MOST_COLUMNS]]
    views = [
        View("leaderboard", "Leaderboard", which, key, (*figures, *world), several_worlds),
        View("worlds", "Worlds x policies", which, "params.`world`", (*figures[:2], *world, *figures[2:5]), True),
        View(
            "best", "Best per world", f"{which} and metrics.`regret` <= 0", "params.`world`", (*world, *figures), True
        ),
        View("differ", "Differences only", which, key, (*figures[:1], *differ), several_worlds),
    ]
    if not several_worlds:
        views = [each for each in views if each.name in ("leaderboard", "differ")]
    named = [View(f"{each.name}-{study}", *list(vars(each).values())[1:]) for each in views]
    decision = View("decision", "All of this decision", DECISION, "metrics.`gain`", (*figures, *world))
    return [*named, decision]


def link_of(view: View) -> str:
    """Return the fragment behind the pages' address that opens a view."""
    if views_can_be_stored():
        return f"{PLACE}?{urlencode({'viewStateShareKey': view.name, 'workflowType': 'machine_learning'})}"
    query = {"searchFilter": view.which, "orderByKey": view.order, "orderByAsc": str(view.ascending).lower()}
    return f"{PLACE}?{urlencode({**query, 'startTime': 'ALL', 'workflowType': 'machine_learning'})}"


def stored(views: Sequence[View]) -> Mapping[str, str]:
    """Return the experiment's tags that hold views."""
    return {f"mlflow.sharedViewState.{view.name}": view.state() for view in views}


@cache
def views_can_be_stored() -> bool:
    """Return whether the installed pages know stored views."""
    from importlib.util import find_spec

    spec = find_spec("mlflow")
    scripts = Path(str(spec.origin if spec else "")).parent / "server" / "js" / "build" / "static" / "js"
    pages = b"".join(path.read_bytes() for path in scripts.glob("main.*.js"))
    return b"mlflow.sharedViewState." in pages and b"viewStateShareKey" in pages
