"""Fixtures that several tests share."""

import copy
import gc
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from markets import EVERY_MECHANISM, PLAIN_TRAITS, SMALL_MARKET, Content

if TYPE_CHECKING:
    from sim.purchases.base import CustomerBase

os.environ.pop("COLUMNS", None)
"""Workers of a parallel run get one, as if what commands print were shown on a terminal of that width."""
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""For workers: as many as processors. What is solved in tests is small, and threads that wait for each other spin."""
gc.set_threshold(100_000, 20, 100)
"""Each search for garbage goes through all that is imported, and six thousand tests: a tenth of the time."""


FIRST = [
    # The first worker compiles kernels; the other finds them when it has done those that need none.
    "tenure_docstrings", "sim_purchases_dialects", "experiments_study_demo", "sim_purchases_account",
    "sim_purchases_misread", "optimizer_curves_allocation", "sim_reading", "sim_purchases_values",
    "sim_purchases_sources", "sim_purchases_digest", "sim_purchases_tables", "tenure_start",
    # What takes longest, so that no worker is left alone with it at the end.
    "experiments_cli_output", "experiments_tracking_told", "optimizer_rules_in_pairs", "docs_contributing",
    "experiments_report_whatif", "sim_customers_own_segments", "experiments_results_lists", "sim_customers_matrices",
    "experiments_cli_planning", "sim_engine_bends", "optimizer_search_sequential", "optimizer_bound_corners",
    "optimizer_optimize", "optimizer_stages_price", "experiments_tracking_verbs", "experiments_tracking",
    "sim_responses_history", "experiments_cli_money", "optimizer_question", "tenure_shown",
]  # fmt: skip
"""Modules of tests in the order in which workers take them; all others come after these."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of :data:`FIRST` come first."""
    lost = [name for name in FIRST if not (Path(__file__).parent / f"test_{name}.py").is_file()]
    if lost:
        raise pytest.UsageError(f"tests/conftest.py: FIRST names {', '.join(lost)}, which is no module of tests")
    place = {f"test_{name}": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(FIRST)))


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every search for garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def market() -> Callable[..., Content]:
    """Return a maker of scenarios: two segments, five levers, a rival; keywords replace top-level keys.

    ``plain=True``: customers of a segment do not differ, so that there is one trait class each.
    """

    def make(*, plain: bool = False, **changes: Any) -> Content:
        content = copy.deepcopy(SMALL_MARKET)
        if plain:
            for name, traits in PLAIN_TRAITS.items():
                content["segments"][name]["traits"] = dict(traits)
        return {**content, **copy.deepcopy(changes)}

    return make


@pytest.fixture(scope="session", autouse=True)
def _stores_are_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Copy the first store of runs that is made for those made after it: MLflow takes a second for each."""
    from experiments.tracking import store

    plain, first = store._make, cache(tmp_path_factory.mktemp)

    def make(folder: Path, database: Path) -> None:
        origin = first("store")
        if not (origin / database.name).exists():
            plain(origin, origin / database.name)
        part = Path(shutil.copyfile(origin / database.name, folder / f".mlflow.{os.getpid()}.part.db"))
        with closing(sqlite3.connect(part)) as copy, copy:
            places = [(place / store.ARTIFACTS).as_uri() for place in (origin, folder)]
            copy.execute("UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)", places)
        os.replace(part, database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_make", make)
        yield


@pytest.fixture(scope="module", autouse=True)
def _policies_of_ones_own_are_forgotten() -> Iterator[None]:
    """Leave the catalogue after a module of tests as it was: whole, whichever module ran first."""
    from policies import catalogue

    before = catalogue.makers()
    yield
    catalogue._makers.clear()
    catalogue._makers.update(before)


@pytest.fixture
def tenure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Return what runs a command in an empty folder: exit code, standard output and standard error."""
    from experiments.cli.app import main

    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path | float) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tenure", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def market_file(tmp_path: Path) -> None:
    """Write the market with every mechanism that the command line is tried on."""
    (tmp_path / "market.yaml").write_text(yaml.safe_dump(EVERY_MECHANISM, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> "CustomerBase":
    """Return the base of CDNOW's purchases."""
    from sim.purchases.base import CDNOW_PURCHASES, CustomerBase

    return CustomerBase.create(tmp_path_factory.mktemp("cdnow") / "base.duckdb", CDNOW_PURCHASES)
