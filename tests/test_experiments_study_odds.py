"""How sure a study is with what is not known: as a comparison says it, world by world."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markets import ROOT
from study_files import stored

import tenure
from experiments.study.told import study_summary

UNSURE = ROOT / "tests" / "data" / "unsure.yaml"
POLICIES = ["as today", "no spend", "even split"]
SURE = ("low_all", "high_all", "chance_ahead", "chance_best")


def asked(**changes: Any) -> dict[str, Any]:
    worlds = {"base": str(UNSURE), "thin": {"set": {"loss": 0.1}}, "drawn": {"list": [{"loss": 0.2}]}}
    return {"worlds": worlds, "policies": POLICIES, "replications": 4, "seed": 3, "samples": 4, **changes}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sure")


@pytest.fixture(scope="module")
def result(folder: Path) -> Any:
    return tenure.study(asked(), folder, workers=1)


def test_a_study_is_as_sure_as_a_comparison(result: Any) -> None:
    """The same futures, to the last bit, in each world that a file or a change of it states; drawn ones state none."""
    for world, changes in (("base", {}), ("thin", {"loss": 0.1})):
        firm = tenure.open(UNSURE, changes=changes)
        found = firm.compare(POLICIES, replications=4, seed=3, samples=4)
        assert all(not each.broken for each in found.outcomes)
        rows = {row.policy: row for row in result.answers.rows if row.world == world}
        for outcome in found.outcomes:
            for name in SURE:
                assert getattr(rows[outcome.name], name) == pytest.approx(
                    getattr(outcome, name), rel=1e-12, nan_ok=True
                )
        assert not math.isnan(rows["even split"].chance_ahead)
    assert all(math.isnan(row.low_all) for row in result.answers.rows if row.world.startswith("drawn"))


def test_it_is_said_where_it_is_least_sure(result: Any) -> None:
    said, first = study_summary(result, "tenure study"), result.answers.survivals[0].policy
    policy = next(each.policy for each in result.answers.survivals if each.policy != "as today")
    least = min((row for row in result.answers.rows if row.policy == policy), key=lambda row: row.chance_ahead)
    assert first in POLICIES
    assert f"'{policy}' is ahead of 'as today' in " in said
    assert f"of futures in '{least.world}', in no world less often: 95 % sure between " in said
    page = result.report.read_text(encoding="utf-8")
    assert "with what is not known" in page
    assert "ahead in" in page
    plain = result.to_dict()["table"]
    assert [set(SURE) <= set(row) for row in plain] == [row["world"] != "drawn: loss 0.2" for row in plain]
    table = result.to_frame()
    assert table.set_index(["world", "policy"])["chance_ahead"].notna().sum() == 4


def test_worlds_that_were_weighed_are_not_weighed_again(result: Any, folder: Path) -> None:
    """Plays are counted alone; without samples none is weighed, with one replication nothing is claimed."""
    before = stored(folder)
    again = tenure.study(asked(), folder, workers=1)
    assert (again.finished.units, again.finished.taken) == (9, 9)
    assert stored(folder) == before
    assert len(before) == 9 + 6
    for less in (asked(samples=0), asked(replications=1)):
        found = tenure.study(less, folder, workers=1)
        assert all(math.isnan(getattr(row, name)) for row in found.answers.rows for name in SURE)
        assert "not known" not in study_summary(found, "tenure study")
    assert len(stored(folder)) == 9 + 6 + 9


def test_several_scenarios_compared_are_weighed_too(
    tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "less.yaml").write_text(UNSURE.read_text(encoding="utf-8").replace("400", "300"), encoding="utf-8")
    words = ("compare", UNSURE, "less.yaml", "--policy", "as-today", "--policy", "no-spend", "--replications", 2)
    code, out, err = tenure(*words, "--samples", 2, "--threads", 1, "--no-track", "--json")
    assert (code, err) == (0, "")
    assert [row["chance_ahead"] is None for row in json.loads(out)["table"]] == [True, False, True, False]
