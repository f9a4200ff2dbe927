"""The pages' examples run, and the example scenarios are what the demo writes."""

import re
from pathlib import Path

import pytest
import yaml
from markets import ROOT

from experiments.study.demo import BASE_FILE, demo_scenario
from optimizer.optimize import optimize
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase
from sim.scenario.file import load
from sim.twin import build


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    base = CustomerBase.create(folder / BASE_FILE, CDNOW_PURCHASES)
    (folder / "scenario.yaml").write_text(demo_scenario(base)[0], encoding="utf-8")
    return folder


def _python_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_shown_scenario_is_what_the_demo_writes(demo_folder: Path) -> None:
    """The page's copy equals what the demo writes, here and now."""
    assert (ROOT / "examples/cdnow/scenario.yaml").read_text(encoding="utf-8") == (
        demo_folder / "scenario.yaml"
    ).read_text(encoding="utf-8")


@pytest.mark.slow
def test_readme_python(demo_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's Python runs in the demo's folder and finds a plan better than today."""
    monkeypatch.chdir(demo_folder)
    (block,) = _python_blocks("README.md")
    exec(compile(block, "README.md", "exec"), {})
    said = re.fullmatch(r"([\d,]+) more than today, (\d+)% of the possible lift\n", capsys.readouterr().out)
    assert said is not None
    assert int(said[1].replace(",", "")) > 0


def test_cdnow_page_competitor_is_a_valid_addition(demo_folder: Path) -> None:
    """What the page suggests to add is understood, and costs customers."""
    page = (ROOT / "examples/cdnow/README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert yaml.safe_load(block)["competitors"][0]["route"] == "defection"
    path = demo_folder / "rival.yaml"
    path.write_text((demo_folder / "scenario.yaml").read_text(encoding="utf-8") + block, encoding="utf-8")
    assert build(load(path)).chain.environment[-1].max() == pytest.approx(1.2)


@pytest.mark.slow
def test_recency_chain_example_stops_at_four() -> None:
    """The example's optimum is the published one."""
    scenario = load(ROOT / "examples/recency-chain/scenario.yaml")
    plan = optimize(build(scenario), bound_steps=0)
    assert plan.asset == pytest.approx(1000 * (53.149 + 6.621 + 2.644), abs=1.5)
    assert plan.intensity[0, 0, :, 0].tolist() == [4, 4, 4, 0, 0]
