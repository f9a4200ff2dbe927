"""Published results, reproduced; the tables with sources and tolerances are in the code, to be printed too."""

from collections.abc import Mapping

import numpy as np
import pytest

from policies.fixed import AsToday
from sim.customers.published import CDNOW_CALIBRATION_END, CDNOW_END, PUBLISHED_CDNOW, PublishedFigure, cdnow_figures
from sim.market.clock import Market
from sim.purchases.base import CustomerBase
from sim.scenario.file import parse
from sim.twin import build


@pytest.fixture(scope="module")
def cdnow_computed(cdnow: CustomerBase) -> Mapping[str, float]:
    return cdnow_figures(cdnow)


@pytest.mark.parametrize("figure", PUBLISHED_CDNOW, ids=lambda figure: figure.key)
def test_cdnow_purchases(figure: PublishedFigure, cdnow_computed: Mapping[str, float]) -> None:
    assert figure.agrees(cdnow_computed[figure.key]), (
        f"computed {cdnow_computed[figure.key]}, printed {figure.printed}, recomputed {figure.recomputed}"
    )


@pytest.mark.parametrize(
    ("figure", "computed"),
    [
        (PublishedFigure("parameter", "1.00", "1.000", relative=0.002), 1.0021),
        (PublishedFigure("log-likelihood", "", "-9594.97", absolute=0.01), -9594.985),
        (PublishedFigure("printed", ".24"), 0.2451),
        (PublishedFigure("recomputed", "", ".237"), 0.2376),
    ],
)
def test_a_figure_out_of_tolerance_is_seen(figure: PublishedFigure, computed: float) -> None:
    assert not figure.agrees(computed)
    assert figure.agrees(float(figure.recomputed or figure.printed))


def test_agents_track_cdnow_as_pareto_nbd_does(cdnow: CustomerBase, cdnow_computed: Mapping[str, float]) -> None:
    """Agents from the fitted laws at the reference, weekly: MAPE of weeks 40-78 as Pareto/NBD's, plus sampling error.

    A newly won cohort's mean cumulative repeat purchases by age, laid over the days on which the sample's customers
    first bought, against what they then bought.
    """
    fitted = {name: cdnow_computed[f"Pareto/NBD {name}"] for name in ("r", "alpha", "s", "beta")}
    scenario = parse(
        {
            "name": "cohort",
            "period": "week",
            "periods": 78,
            "terminal": "none",
            "segments": {
                "won": {
                    "start": {"new": 40_000},
                    "traits": {
                        "purchase_rate": {"shape": fitted["r"], "rate": fitted["alpha"]},
                        "defection_rate": {"shape": fitted["s"], "rate": fitted["beta"]},
                        "spend": 1.0,
                    },
                }
            },
            "levers": {
                "care": {
                    "targets": ["new", "developing", "core", "declining", "lapsed"],
                    "reference": 1.0,
                    "moves": {"survival": {"without_money": 0.5, "unlimited_money": 0.99, "spend": 1.0, "brings": 0.9}},
                }
            },
        }
    )
    twin = build(scenario)
    summary = cdnow.summarise(CDNOW_CALIBRATION_END, sample_only=True)
    actual = cdnow.weekly_cumulative_repeat(CDNOW_END, sample_only=True)[-39:]
    errors = []
    for replication in range(10):
        population = twin.population(7, replication)
        history = Market(twin, AsToday(), population, seed=7, replication=replication).run()
        by_age = np.concatenate([[0], history.purchases.sum(axis=(1, 2)).cumsum()]) / population.size
        predicted = [np.interp(summary.age + week, np.arange(79), by_age).sum() for week in range(1, 40)]
        errors.append(np.abs(np.array(predicted) / actual - 1).mean())
    spread = np.std(errors, ddof=1) / np.sqrt(len(errors))
    pareto = cdnow_computed["Pareto/NBD weekly MAPE of weeks 40-78, %"] / 100
    assert np.mean(errors) <= pareto + 3 * spread
    assert spread < 0.002
