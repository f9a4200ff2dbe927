"""A field of a history is added in one place: a line of the class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from markets import Floats

from policies.fixed import AsToday
from sim.engine.chain import Step
from sim.engine.fluid import expected_history
from sim.engine.matrix_chain import MatrixChain
from sim.history import History, MeanHistory, Recorded
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import Twin, build


@dataclass(frozen=True, eq=False, kw_only=True)
class WithVisits(History):
    """A history that also knows how often customers were seen, and how far away they live."""

    visits: Annotated[Floats, Recorded(("periods", "groups", "stages"), "visits", "visits")]
    distance: Annotated[Floats, Recorded(("instants", "groups"), "km", "km", float("nan"), True)]


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Twin:
    """Return a chain whose customers are seen three times a period while they are customers."""

    def flows(chain: MatrixChain, step: Step) -> dict[str, Floats]:
        return {"reward": step.reward, "visits": np.where(chain.space.law_kind == 2, 3.0, 0.0) + 0 * step.reward}

    monkeypatch.setattr(MatrixChain, "flows", flows)
    monkeypatch.setattr("sim.market.clock.History", WithVisits)
    monkeypatch.setattr("sim.engine.fluid.History", WithVisits)
    states = {"states": ["here", "gone"], "gone": ["gone"]}
    actions = [{"spend": 0, "moves": [[0.5, 0.5], [0, 1]], "reward": [4, 0]}]
    return build(
        parse(
            {
                "name": "seen", "period": "month", "periods": 4, "discount_rate": 0.1, "terminal": "none",
                "chain": {**states, "actions": actions}, "segments": {"all": {"start": {"here": 500}}},
            }
        )
    )  # fmt: skip


def test_a_field_is_recorded_by_agents_and_fluid_twin(twin: Twin) -> None:
    plan = np.repeat(twin.targets.reference[None], 4, axis=0)
    drawn, expected = Market(twin, AsToday(), twin.population(0, 0)).run(), expected_history(twin.chain, plan)
    for history in (drawn, expected):
        assert isinstance(history, WithVisits)
        np.testing.assert_array_equal(history.visits[:, 0, 0], 3 * history.people[:-1, 0, 0, 2])
        assert (history.visits[:, :, 1] == 0).all()
        assert history.distance.shape == (5, 1)
        assert np.isnan(history.distance).all()


def test_a_field_is_cut_saved_and_resumed(twin: Twin, tmp_path: Path) -> None:
    people = twin.population(0, 0)
    whole = Market(twin, AsToday(), people).run()
    market = Market(twin, AsToday(), people)
    part = market.run(until=2)
    assert isinstance(whole, WithVisits)
    assert isinstance(part, WithVisits)
    assert (part.visits.shape, part.distance.shape) == ((2, 1, 2), (3, 1))
    market.save(tmp_path / "saved.npz")
    resumed = Market.resume(tmp_path / "saved.npz", twin, AsToday(), people).run()
    assert isinstance(resumed, WithVisits)
    np.testing.assert_array_equal(resumed.visits, whole.visits)


def test_a_field_is_averaged_and_in_the_table(twin: Twin) -> None:
    """Over replications; what is not known everywhere over those that know it."""
    histories = [Market(twin, AsToday(), twin.population(k, 0), seed=k).run() for k in range(3)]
    assert isinstance(histories[1], WithVisits)
    histories[1].distance[2] = 7.0
    mean = MeanHistory()
    for history in histories:
        mean.add(history)
    averaged = mean.history()
    assert isinstance(averaged, WithVisits)
    visits = [history.visits for history in histories if isinstance(history, WithVisits)]
    np.testing.assert_allclose(averaged.visits, np.mean(visits, axis=0), rtol=1e-15)
    assert averaged.distance[2, 0] == 7.0
    assert np.isnan(averaged.distance[0, 0])
    table = averaged.to_frame()
    np.testing.assert_array_equal(table["visits"], averaged.visits.ravel())
    assert table["km"].tolist() == pytest.approx([np.nan] * 4 + [7.0, 7.0] + [np.nan] * 2, nan_ok=True)
    assert list(table.columns[-3:]) == ["employee_satisfaction", "visits", "km"]
