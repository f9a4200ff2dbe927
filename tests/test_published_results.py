"""Published results, reproduced; the tables with sources and tolerances are in the code, to be printed too."""

from collections.abc import Mapping

import pytest

from sim.customers.base import CDNOW_PURCHASES, CustomerBase
from sim.customers.calibration import PUBLISHED_CDNOW, PublishedFigure, cdnow_figures


@pytest.fixture(scope="module")
def cdnow_computed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, float]:
    return cdnow_figures(CustomerBase.create(tmp_path_factory.mktemp("cdnow") / "base.duckdb", CDNOW_PURCHASES))


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
