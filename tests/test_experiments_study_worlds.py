"""Worlds of a study: files, changes by path, lists, grids and samples; one clear error for what cannot be."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from study_files import RIVAL, asked, scenario_in

from experiments.study.answers import Cell
from experiments.study.ask import Made, read_study
from experiments.study.result import plan_names
from experiments.study.worlds import read_worlds
from sim.errors import InputError
from sim.scenario.changes import changed, value_at
from sim.scenario.customers import Gamma
from sim.scenario.yaml_files import read_yaml


def worlds(folder: Path, **given: Any) -> dict[str, Any]:
    scenario_in(folder)
    return {world.name: world for world in read_worlds({"base": "scenario.yaml", **given}, folder, "worlds")}


def test_a_key_changes_by_its_path_and_nothing_else(tmp_path: Path) -> None:
    path = "segments.regulars.traits.defection_rate.rate"
    found = worlds(tmp_path, loyal={"from": "base", "set": {path: 12, "competitors": [RIVAL]}})
    before, after = (found[name].scenario.model_dump(mode="json") for name in ("base", "loyal"))
    assert value_at(after, path) == 12
    assert after.pop("competitors")[0]["name"] == "rival"
    before.pop("competitors")
    after["segments"]["regulars"]["traits"]["defection_rate"]["rate"] = 8
    assert after == before


def test_worlds_start_from_worlds_and_a_mapping_alone_is_a_change(tmp_path: Path) -> None:
    found = worlds(
        tmp_path,
        rival={"competitors": [RIVAL]},
        harder={"from": "rival", "set": {"competitors.rival.strength": 0.4, "competitors[1].start": 2}},
        **{"churn x2": {"times": {"segments.regulars.traits.defection_rate.shape": 2, "discount_rate": 2}}},
    )
    assert found["harder"].scenario.competitors[0].strength == 0.4
    assert found["harder"].scenario.competitors[0].start == 2
    assert found["rival"].scenario.competitors[0].strength == 0.2
    twice = found["churn x2"].scenario
    assert twice.segments["regulars"].traits.defection_rate.shape == 1.6  # type: ignore[union-attr]
    assert twice.discount_rate == 0.2  # the default is .1, which the file does not state


def test_a_law_is_multiplied_by_its_mean(tmp_path: Path) -> None:
    """Gamma, mean shape/rate, and gamma-gamma, p gamma/(q - 1); how customers differ stays."""
    path = "segments.regulars.traits"
    found = worlds(tmp_path, more={"times": {f"{path}.defection_rate": 2, f"{path}.spend": 1.5}})
    before, after = (found[name].scenario.segments["regulars"].traits for name in ("base", "more"))
    assert before is not None
    assert after is not None
    assert isinstance(before.defection_rate, Gamma)
    assert isinstance(after.defection_rate, Gamma)
    assert after.defection_rate.shape == before.defection_rate.shape
    assert after.defection_rate.rate == before.defection_rate.rate / 2
    assert after.spend == before.spend.model_copy(update={"gamma": before.spend.gamma * 1.5})  # type: ignore[union-attr]
    with pytest.raises(InputError, match="a law's mean is multiplied by more than 0, got 0"):
        worlds(tmp_path, none={"times": {f"{path}.defection_rate": 0}})


def test_lists_and_grids_make_a_world_each(tmp_path: Path) -> None:
    found = worlds(
        tmp_path,
        few={"list": [{"margin": 0.3}, {"margin": 0.5}]},
        all={"grid": {"margin": [0.3, 0.5], "loss": [0, 0.1, 0.2]}},
    )
    assert [name for name in found if name.startswith("few")] == ["few: margin 0.3", "few: margin 0.5"]
    grid = [(w.scenario.margin, w.scenario.loss) for w in found.values() if w.family == "all"]
    assert grid == [(m, loss) for m in (0.3, 0.5) for loss in (0, 0.1, 0.2)]


@pytest.mark.parametrize(("by", "number", "made"), [("latin hypercube", 5, 5), ("sobol", 8, 8), ("saltelli", 4, 16)])
def test_samples_fill_their_ranges(tmp_path: Path, by: str, number: int, made: int) -> None:
    sample = {"sample": {"margin": [0.2, 0.6], "loss": [0.0, 0.1]}, "by": by, "number": number}
    found = [w for w in worlds(tmp_path, many=sample).values() if w.family == "many"]
    assert len(found) == made
    margins = np.array([w.scenario.margin for w in found[:number]])
    slices = np.floor((margins - 0.2) / 0.4 * number).astype(int)
    assert sorted(slices.tolist()) == list(range(number))  # one in each slice of the range, of every design
    again = [w for w in worlds(tmp_path, many=sample).values() if w.family == "many"]
    assert [w.values for w in again] == [w.values for w in found]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"worlds": {"base": "missing.yaml"}}, "missing.yaml: no such file"),
    ({"worlds": {"base": "scenario.yaml", "b": {"from": "bose", "set": {"margin": 1}}}}, "'bose' is no world"),
    ({"worlds": {"base": "scenario.yaml", "b": {"form": "base", "set": {"margin": 1}}}}, "did you mean 'from'?"),
    ({"worlds": {"base": "scenario.yaml", "b": {"margen": 0.3}}}, "did you mean 'margin'?"),
    ({"worlds": {"base": "scenario.yaml", "b": {"set": {"margin": 3}}}}, "less than or equal to 1, got 3"),
    ({"worlds": {"base": "scenario.yaml", "b": {"set": {"margin.x": 3}}}}, "lies inside 0.4"),
    ({"worlds": {"base": "scenario.yaml", "b": {"from": "b", "set": {"margin": 1}}}}, "starts from itself"),
    ({"worlds": {"base": "scenario.yaml", "b": {"from": "base"}}}, "says no difference"),
    ({"worlds": {"base": "scenario.yaml", "b": {"grid": {"margin": 0.3}}}}, "expected a list of values"),
    ({"worlds": {"base": "scenario.yaml", "b": {"sample": {"margin": [0.5, 0.3]}, "number": 4}}}, "low below high"),
    ({"worlds": []}, "expected scenario files, or worlds by name, got []"),
    ({"worlds": ["scenario.yaml", "scenario.yaml"]}, "a file is there twice"),
    ({"worlds": {"b": {"set": {"margin": 0.3}}}}, "the first world starts from none"),
    ({"worlds": {"base": "scenario.yaml", "b": {"from": 3, "set": {"margin": 0.3}}}}, "b.from: expected a world or"),
    ({"worlds": {"base": "scenario.yaml", "b": {"times": {"name": 2}}}}, "name: is no number in the scenario"),
    (
        {"worlds": {"base": "scenario.yaml", "b": {"list": [{"margin": 0.3}], "grid": {"loss": [0.1]}}}},
        "list and grid: give one of them",
    ),
    ({"worlds": {"base": "scenario.yaml", "b": {"set": {"margin": 0.3}, "number": 4}}}, "number: only beside `sample`"),
    ({"worlds": {"base": "scenario.yaml", "b": {"list": []}}}, "b.list: expected a list of changes, got []"),
    ({"worlds": {"base": "scenario.yaml", "b": {"sample": {"margin": [0.3]}, "number": 4}}}, "expected [low, high]"),
    (
        {"worlds": {"base": "scenario.yaml", "b": {"sample": {"margin": [0.2, 0.3]}, "number": 4, "by": "luck"}}},
        "b.by: expected one of",
    ),
    (
        {"worlds": {"base": "scenario.yaml", "b": {"sample": {"margin": [0.2, 0.3]}, "number": 6, "by": "saltelli"}}},
        "b.number: expected a power of two for saltelli, got 6",
    ),
    ({"policies": "as today"}, "policies: expected a list of policies, got 'as today'"),
    ({"policies": []}, "policies: expected at least one"),
    ({"name": 7}, "name: expected a text, got 7; put it in quotes"),
    ({"budgets": [1000, "1k"]}, "budgets: expected amounts of money, each once"),
    ({"until": {"halfwidth": 0, "most": 8}}, "until.halfwidth: expected money above 0, got 0"),
    ({"targeting": "street"}, "targeting: expected one of"),
    ({"policys": ["as today"]}, "policys: unknown key; did you mean 'policies'?"),
    ({"policies": ["as todey"]}, "did you mean 'as today'?"),
    ({"policies": ["as today", "as-today"]}, "named twice"),
    ({"policies": ["optimise@bose"]}, "no such world"),
    (
        {"worlds": {"base": "scenario.yaml", "b": {"grid": {"periods": [3, 4, 5]}}}, "policies": ["optimise@base"]},
        "optimise@base: the plan of world 'base' is for 3 months, world 'b: periods 4' has 4 months, the first of 2",
    ),
    (
        {"worlds": {"base": "scenario.yaml", "b": {"set": {"period": "week"}}}, "policies": ["optimize@b(rolling)"]},
        "optimize@b(rolling): the plan of world 'b' is for 3 weeks, world 'base' has 3 months; write optimise, for a",
    ),
    ({"policies": ["plan.json"]}, "cannot be read"),
    ({"policies": ["optimise (much)"]}, "expected one of as written, money, rolling in brackets"),
    ({"worlds": {"base": "scenario.yaml", "b": {"grid": {p: [0.1] * 2000 for p in ("margin", "loss")}}}}, "4,000,001"),
    (
        {
            "worlds": {
                "base": "scenario.yaml",
                "b": {"sample": {"margin": [0.2, 0.3]}, "number": 65536, "by": "saltelli"},
            }
        },
        "196,609 worlds",
    ),
    ({"worlds": {"base": "scenario.yaml", "b": {"set": {"a." * 500 + "b": 1}}}}, "lies deeper than any key"),
    ({"worlds": {"": "scenario.yaml"}}, "expected a name in one line"),
    ({"worlds": {"a\nb": "scenario.yaml"}}, "expected a name in one line"),
    ({"budgets": ["much"]}, "expected money such as 100000 or 100k, got 'much'"),
    ({"replications": 0}, "expected a whole number from 1"),
    ({"until": {"halfwidth": 100}}, "most: missing"),
    ({"until": {"halfwidth": 100, "most": 2}, "replications": 4}, "expected at least the 4 replications"),
    ({"seed": [1, 1]}, "each once"),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES, ids=[said[:30] for _, said in MISTAKES])
def test_a_mistake_is_one_clear_error(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    scenario_in(tmp_path)
    with pytest.raises(InputError) as error:
        read_study(asked(**change), tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def without_newcomers(content: dict[str, Any]) -> None:
    del content["segments"]["newcomers"]


def without_winback(content: dict[str, Any]) -> None:
    del content["levers"]["winback"]


def with_fewer_targets(content: dict[str, Any]) -> None:
    content["levers"]["retention"]["targets"].remove("declining")


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        (without_newcomers, "segment 'newcomers'"), (without_winback, "lever 'winback'"),
        (with_fewer_targets, "'declining' with lever 'retention'"),
    ],
)  # fmt: skip
def test_a_plan_for_all_worlds_is_refused_where_one_lacks_what_its_money_may_be_for(
    tmp_path: Path, change: Any, lacks: str
) -> None:
    """Before any work; the other way round, from the world that has less, it is asked."""
    content = yaml.safe_load(scenario_in(tmp_path).read_text(encoding="utf-8"))
    change(content)
    (tmp_path / "less.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    worlds = {"base": "scenario.yaml", "less": "less.yaml", "least": {"from": "less", "set": {"margin": 0.2}}}
    with pytest.raises(InputError) as error:
        read_study(asked(worlds=worlds, policies=["optimise@base"]), tmp_path)
    told = (
        f"plan of world 'base' may put money on {lacks}, which world 'less' has not, the first of 2 such worlds; write"
    )
    assert told in str(error.value)
    for policy in ("optimise", "optimise@less"):
        read_study(asked(worlds=worlds, policies=[policy]), tmp_path)


def test_reading_many_worlds_tells_how_far_it_is(tmp_path: Path) -> None:
    scenario_in(tmp_path)
    told: list[float] = []
    sample = {"sample": {"margin": [0.2, 0.3]}, "number": 19}
    found = read_study(asked(worlds={"base": "scenario.yaml", "many": sample}), tmp_path, progress=told.append)
    assert told == [(i + 1) / 20 for i in range(20)]
    assert len(found.worlds) == 20


def test_a_study_reads_money_and_plans_as_people_write_them(tmp_path: Path) -> None:
    scenario_in(tmp_path)
    found = read_study(asked(budgets=["100k", 1.5e6], policies=["optimise", "optimize@base", "as-today"]), tmp_path)
    assert found.budgets == (100_000, 1_500_000)
    assert found.policies[:2] == (Made("optimise", None), Made("optimize@base", "base"))
    assert found.reference == "as today"


def test_no_file_is_read_however_deep_it_lies() -> None:
    for deep in ("a: " + "[" * 600, "".join("  " * i + "a:\n" for i in range(2000))):
        with pytest.raises(InputError, match=r"study\.yaml: keys and lists lie deeper"):
            read_yaml(deep, "study.yaml")


def test_plans_of_places_that_are_written_alike_have_files_of_their_own() -> None:
    cells = [Cell(world, 900.0, "optimise") for world in ("a/b", "a-b", "A b", "c", "d" * 3000, "情景" * 300)]
    names = plan_names(cells)
    assert len({name.casefold() for name in names.values()}) == len(cells)
    assert names[cells[3]] == "optimise-in-c-900"
    assert all(len(name.encode()) < 200 and "/" not in name for name in names.values())


def test_paths_name_items_and_new_keys() -> None:
    content = {"levers": {"a.b": {"reference": 1}}, "rivals": [{"name": "x", "start": 1}]}
    before = copy.deepcopy(content)
    assert changed(content, {"levers.a.b.reference": 2})["levers"]["a.b"] == {"reference": 2}
    assert changed(content, {"rivals.x.start": 3})["rivals"][0]["start"] == 3
    assert changed(content, {"rivals[2]": {"name": "y"}})["rivals"][1] == {"name": "y"}
    assert changed(content, {"rivals[2].start": 3, "rivals[2].name": "z"})["rivals"][1] == {"start": 3, "name": "z"}
    assert changed(content, {"rules.budget": 5})["rules"] == {"budget": 5}
    with pytest.raises(InputError, match="names no item"):
        changed(content, {"rivals.z.start": 3})
    assert changed(content, {"rivals.x.start": 3, "rivals.x.route": "defection"})["rivals"][0]["route"] == "defection"
    assert content == before
    with pytest.raises(InputError, match="there are no competitors in this scenario; state them whole"):
        changed(content, {"competitors.rival.start": 6})
