"""A study of a firm's real customers: the base travels by content, and policies by file too."""

from pathlib import Path

import pytest
from markets import orders

import tenure
from experiments.study import units
from experiments.study.ask import read_study
from experiments.study.run import run_study
from sim.arrays import quiet

MINE = """
from policies.catalogue import policy
from sim.contract import Allocation


@policy("half")
class Half:
    name = "half"

    def __init__(self, twin, budget):
        self.wanted = twin.targets.reference / 2

    def decide(self, observation):
        return Allocation.within(self.wanted, observation)
"""


@pytest.mark.slow
def test_a_base_and_files_travel_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker has no base until one is sent; its assets are those of a comparison where the base lies."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "machine"))
    (tmp_path / "machine").mkdir()
    found = tenure.calibrate(orders(tmp_path / "orders.csv"), tmp_path / "scenario.yaml")
    firm = tenure.Firm.open(tmp_path / "scenario.yaml", changes={"periods": 2})
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    firm.optimize(bound_steps=0).save(tmp_path / "plan.json")
    content = {
        "worlds": {"base": {"from": "scenario.yaml", "set": {"periods": 2}}},
        "policies": ["as today", "mine.py", "plan.json"],
        "replications": 2,
    }
    wanted = read_study(content, tmp_path)
    sent: list[int] = []
    here = units._base_here
    monkeypatch.setattr(
        units, "_base_here", lambda digest, base: (sent.append(len(base or b"")), here(digest, base))[1]
    )
    cells = run_study(wanted, tmp_path / "studied", workers=1, step=quiet).cells.found
    assert sent == [0, found.base.path.stat().st_size]
    result = firm.compare(["as today", str(tmp_path / "mine.py"), tmp_path / "plan.json"], replications=2, seed=0)
    for cell, outcome in zip(cells, result.outcomes, strict=True):
        assert cells[cell].assets.tolist() == outcome.assets.tolist()
    assert [cell.policy for cell in cells] == ["as today", "mine", "plan"]
    assert not any(str(tmp_path) in path.read_text("utf-8") for path in (tmp_path / "studied").rglob("*.json"))
