"""A study of a firm's real customers: the base travels by content, and policies by file too."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from markets import orders

import tenure
from experiments.study import units
from experiments.study.ask import read_study
from experiments.study.played import own_folder
from experiments.study.run import run_study
from sim.arrays import quiet
from sim.errors import InputError, TenureError

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
    """Another machine has no base until one is sent; its assets are those of a comparison where the base lies."""
    found = tenure.calibrate(orders(tmp_path / "orders.csv"), tmp_path / "scenario.yaml")
    halves = "\n".join(f"{who},{'odd' if who % 2 else 'even'}" for who in range(400))
    (tmp_path / "halves.csv").write_text(f"id,segment\n{halves}\n", encoding="utf-8")
    own = {"by": "file", "names": ["odd", "even"], "file": "halves.csv"}
    changes = {"periods": 2, "base.segments": own}
    firm = tenure.Firm.open(tmp_path / "scenario.yaml", changes=changes)
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    firm.optimize(bound_steps=0).save(tmp_path / "plan.json")
    content = {
        "worlds": {"base": {"from": "scenario.yaml", "set": changes}},
        "policies": ["as today", "mine.py", "plan.json"],
        "replications": 2,
    }
    wanted = read_study(content, tmp_path)
    run = units.run
    sent: list[dict[str, int]] = []
    copies: set[str] = set()

    def on_another_machine(unit: units.Unit, base: Mapping[str, bytes] | None, threads: int) -> object:
        sent.append({name: len(data) for name, data in (base or {}).items()})
        elsewhere = replace(unit.world, near=tuple(f"/not/here/{Path(at).name}" for at in unit.world.near))
        facts = run(replace(unit, world=elsewhere), base, threads)
        copies.update(str(path) for path in own_folder().rglob("base.duckdb"))
        return facts

    monkeypatch.setattr("experiments.study.workers.run", on_another_machine)
    cells = run_study(wanted, tmp_path / "studied", workers=1, step=quiet).cells.found
    files = {"base.duckdb": found.base.path.stat().st_size, "segments.csv": (tmp_path / "halves.csv").stat().st_size}
    assert sent == [{}, files, {}, {}]
    assert len(copies) == 1
    result = firm.compare(["as today", str(tmp_path / "mine.py"), tmp_path / "plan.json"], replications=2, seed=0)
    for cell, outcome in zip(cells, result.outcomes, strict=True):
        assert cells[cell].assets.tolist() == outcome.assets.tolist()
    assert [cell.policy for cell in cells] == ["as today", "mine", "plan"]
    assert {name for each in cells.values() for name in each.facts["segments"]} >= {"odd", "even"}
    assert not any(str(tmp_path) in path.read_text("utf-8") for path in (tmp_path / "studied").rglob("*.json"))

    monkeypatch.setattr("experiments.study.workers.run", run)
    kept = tenure.study(wanted, tmp_path / "tracked", workers=1, track=True)  # in this process, where the base lies
    assert tenure.repeat(next(iter(kept.run_ids.values())), tmp_path / "tracked").same
    world = units.World.of(wanted.worlds[0].scenario)
    with (tmp_path / "halves.csv").open("a", encoding="utf-8") as file:
        file.write("9999,odd\n")
    with pytest.raises(InputError, match=r"halves\.csv: has changed while the study ran"):
        world.files()
    found.base.path.unlink()
    gone = {"worlds": {"base": str(tmp_path / "scenario.yaml")}, "policies": ["as today"]}
    with pytest.raises(TenureError, match=found.base.path.name):
        tenure.study(gone, tmp_path / "gone")
