"""Numbers that cannot be meant, and words that YAML reads as something else, are refused where they are written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario.file import load, parse
from sim.scenario.yaml_files import read_yaml

Content = dict[str, Any]
WRONG: list[tuple[str, object, str]] = [
    ("margin", 40, "margin: input should be less than or equal to 1, got 40; 0.4 is probably meant (40 %)"),
    ("margin", -0.1, "margin: input should be greater than or equal to 0, got -0.1"),
    ("discount_rate", 10, "got 10; 0.1 is probably meant (10 %)"),
    ("loss", 4, "got 4; 0.04 is probably meant (4 %)"),
    ("word_of_mouth", 50, "got 50; 0.5 is probably meant (50 %)"),
    ("share_of_customer", 30, "got 30; 0.3 is probably meant (30 %)"),
    ("rules.period_share", 25, "got 25; 0.25 is probably meant (25 %)"),
    ("rules.levers.retention.cap", 60, "got 60; 0.6 is probably meant (60 %)"),
    ("rules.slices.calm.within", 20, "got 20; 0.2 is probably meant (20 %)"),
    ("rules.slices.calm.ramp", 20, "got 20; 0.2 is probably meant (20 %)"),
    ("levers.retention.reach", 80, "got 80; 0.8 is probably meant (80 %)"),
    ("levers.retention.moves.survival.unlimited_money", 96, "got 96; 0.96 is probably meant (96 %)"),
    ("segments.gold.margin", 40, "got 40; 0.4 is probably meant (40 %)"),
    ("segments.gold.traits.defection_rate", 40, "less than or equal to 7, got 40"),
    ("segments.gold.traits.defection_rate", {"shape": 40, "rate": 1}, "at most 7 per period, got 40"),
    ("satisfaction.purchase_rate_per_level", 5, "got 5; 0.05 is probably meant (5 %)"),
    ("shocks", [{"name": "boom", "start": 0, "route": "purchase rate", "size": 30}], "0.3 is probably meant (30 %)"),
    ("competitors", [{"name": "x", "start": 0, "route": "defection", "strength": 20}], "0.2 is probably meant (20 %)"),
    ("rules.people.base", {"count": "kept", "at_least": 90, "of_start": True}, "0.9 is probably meant (90 %)"),
    ("rules.people.glad", {"count": "satisfaction", "at_least": 500}, "points from 0 to 100, got 500"),
    ("name", True, "put it in quotes"),
    ("levers.retention.targets", [True], "got [True]"),
]


def changed(content: Content, path: str, value: object) -> Content:
    here = content
    *way, last = path.split(".")
    for part in way:
        here = here.setdefault(part, {})
    here[last] = value
    return content


@pytest.fixture
def content(market: Callable[..., Content]) -> Content:
    made = market()
    traits = next(iter(made["segments"].values()))
    made["segments"] = {"gold": traits}
    made["levers"] = {"retention": made["levers"]["retention"]}
    for key in ("rules", "survey", "competitors", "shocks", "links", "employees", "word_of_mouth"):
        made.pop(key, None)
    made["satisfaction"] = {"mix": [0.1, 0.2, 0.4, 0.2, 0.1]}
    return made


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG])
def test_a_number_that_cannot_be_meant_is_refused(content: Content, path: str, value: object, said: str) -> None:
    parse(content)
    with pytest.raises(ScenarioError) as error:
        parse(changed(content, path, value))
    assert said.split("got [")[0] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ([("margin", 0.3, 1.2)], "uncertain: margin = 1.2 cannot be: margin: input should be less than"),
        ([("levers.retention.moves.survival.brings", 0.85, 1.5)], "survival.brings = 1.5 cannot be"),
        ([("levers.retention.moves.survival.bring", 0.1, 0.2)], "leads to no number that the scenario states"),
        ([("name", 0.1, 0.2)], "'name' leads to no number"),
        ([("satisfaction.mix.0", 0.05, 0.2)], "expected shares that add up to 1"),
    ],
)
def test_a_range_that_leaves_the_domain_is_refused_at_load(content: Content, ranges: list[Any], said: str) -> None:
    content["uncertain"] = [{"path": path, "low": low, "high": high} for path, low, high in ranges]
    with pytest.raises(ScenarioError) as error:
        parse(content)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_ranges_that_only_clash_together_are_refused_at_load(content: Content) -> None:
    survival = content["levers"]["retention"]["moves"]["survival"]
    survival.update(without_money=0.80, brings=0.90, unlimited_money=0.95)
    where = "levers.retention.moves.survival"
    content["uncertain"] = [
        {"path": f"{where}.brings", "low": 0.85, "high": 0.94},
        {"path": f"{where}.unlimited_money", "low": 0.91, "high": 0.97},
    ]
    with pytest.raises(ScenarioError, match=r"brings = 0\.94, .*unlimited_money = 0\.91 cannot be"):
        parse(content)
    content["uncertain"][0]["high"] = 0.905
    parse(content)


@pytest.mark.parametrize(
    ("word", "read_as"),
    [("yes", "true or false"), ("No", "true or false"), ("on", "true or false"), ("007", "a number"),
     ("1.5", "a number"), ("2024-01-01", "a date"), ("null", "nothing")],
)  # fmt: skip
def test_a_name_that_is_read_as_something_else_is_told_to_be_quoted(tmp_path: Path, word: str, read_as: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: shop\nsegments:\n  {word}: {{}}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load(path)
    assert str(error.value) == (f"{path}, line 3: the name '{word}' is read as {read_as}; put it in quotes: '{word}'")
    assert read_yaml(f"'{word}': 1\n", "here") == {word: 1}


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n", {"x": 3, "y": 2}),
        ("a: &a {x: 1}\nc: &c {<<: *a, x: 2}\nd: &d {<<: *c, x: 3}\nb: {<<: *d}\n", {"x": 3}),
        ("a: &a {x: 1, y: 1}\nc: &c {x: 2, z: 2}\nb: {<<: [*a, *c]}\n", {"x": 1, "y": 1, "z": 2}),
    ],
)
def test_the_nearest_say_of_a_merged_key_holds(text: str, means: dict[str, int]) -> None:
    assert read_yaml(text, "here")["b"] == means
