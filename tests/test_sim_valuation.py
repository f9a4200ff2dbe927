"""What a history is worth, by hand."""

import numpy as np
import pytest
from checks import chain_of
from markets import SMALL_MARKET

from sim.engine.fluid import expected_history
from sim.valuation import customer_asset


def test_an_asset_is_profits_and_what_comes_after_discounted_one_by_one() -> None:
    """The first period counts in full, each later one by another year's discount, what comes after by all of them."""
    chain = chain_of(SMALL_MARKET)
    history = expected_history(chain, np.tile(chain.targets.reference, (chain.periods, 1, 1, 1)))
    asset = customer_asset(history, 0.25)
    factor, within = 1.0, []
    for profit in history.profit.tolist():
        within.append(profit * factor)
        factor *= 0.8
    assert asset.by_period.tolist() == pytest.approx(within, rel=1e-12)
    assert asset.within_horizon == pytest.approx(sum(within), rel=1e-12)
    assert history.terminal != 0
    assert asset.after_horizon == pytest.approx(history.terminal * factor, rel=1e-12)
    assert asset.total == pytest.approx(asset.within_horizon + asset.after_horizon, rel=1e-12)
