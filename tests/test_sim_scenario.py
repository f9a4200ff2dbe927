"""A wrong scenario file gives one line that names file and key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.errors import FolderError, ScenarioError
from sim.scenario.file import Scenario, load, parse
from sim.scenario.yaml_files import read_yaml

Content = dict[str, Any]
Change = Callable[[Content], Any]


def chain_content() -> Content:
    """Two states, two actions."""
    return {
        "name": "chain",
        "periods": 3,
        "chain": {
            "states": ["here", "away"],
            "actions": [
                {"spend": 0, "moves": [[0.5, 0.5], [0, 1]], "reward": [1, 0]},
                {"spend": 2, "moves": [[0.9, 0.1], [0.2, 0.8]], "reward": [1, 0]},
            ],
        },
        "segments": {"all": {"start": {"here": 10}}},
    }


def set_at(*keys: Any) -> Change:
    """Return a change: put the last of ``keys`` where the others lead."""

    def change(content: Content) -> None:
        for key in keys[:-2]:
            content = content[key]
        content[keys[-2]] = keys[-1]

    return change


def drop_at(*keys: Any) -> Change:
    """Return a change: remove what ``keys`` lead to."""

    def change(content: Content) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


TRAITS = ("segments", "regulars", "traits")
WRONG: dict[str, tuple[Change, tuple[str, ...]]] = {
    "name in two lines": (set_at("name", "one\ntwo"), ("name: expected a name in one line",)),
    "segment with a control sign": (
        set_at("segments", "regu\x1b[31mlars", {"start": {}}),
        ("'segments.regu\\x1b[31mlars': expected a name in one line"),
    ),
    "lever in two lines": (set_at("levers", "a\n=1+1", {}), ("'levers.a\\n=1+1': expected a name in one line")),
    "negative rate": (
        set_at(*TRAITS, "purchase_rate", -1),
        ("regulars.traits.purchase_rate: input should be greater than or equal to 0, got -1",),
    ),
    "absurd rate": (set_at(*TRAITS, "purchase_rate", "1e300"), ("traits.purchase_rate: input", "equal to 1000000")),
    "rate of no number": (set_at(*TRAITS, "defection_rate", float("nan")), ("defection_rate: input", "finite number")),
    "absurd shape": (
        set_at(*TRAITS, "defection_rate", {"shape": 1e-9, "rate": 1}),
        ("traits.defection_rate.shape: input should be greater than or equal to 0.001, got 1e-09",),
    ),
    "absurd mean rate": (
        set_at(*TRAITS, "purchase_rate", {"shape": 1e3, "rate": 1e-5}),
        ("traits.purchase_rate: expected a mean, shape/rate, of at most 1e+06, got 1e+08",),
    ),
    "purchases for nothing": (set_at(*TRAITS, "spend", 0), ("traits.spend: input should be greater than 0, got 0",)),
    "negative spend": (set_at(*TRAITS, "spend", -5), ("traits.spend: input should be greater than 0, got -5",)),
    "absurd spend": (set_at(*TRAITS, "spend", 1e300), ("traits.spend: input should be less than or equal to 1000",)),
    "absurd mean spend": (
        set_at(*TRAITS, "spend", {"p": 1e300, "q": 2, "gamma": 1e300}),
        ("traits.spend: expected a mean, p gamma/(q - 1), of at most 1e+12, got inf",),
    ),
    "absurd seasons": (set_at("seasons", [1e308, 1e308]), ("seasons.0: input should be less than or equal to 1000",)),
    "unknown key": (set_at("perods", 3), ("perods: unknown key", "did you mean 'periods'")),
    "unknown key in a lever": (
        set_at("levers", "winback", "referense", 1.0),
        ("levers.winback.referense: unknown key", "did you mean 'reference'"),
    ),
    "unknown key in a curve": (
        set_at("levers", "winback", "moves", "reactivation", "bring", 0.1),
        ("levers.winback.moves.reactivation.bring: unknown key", "did you mean 'brings'"),
    ),
    "unknown key in what a lever did of late": (
        set_at("levers", "winback", "of_late", {"carryover": 0.5}),
        ("levers.winback.of_late.carryover: unknown key", "did you mean 'carry_over'"),
    ),
    "unknown key in a rule": (
        set_at("rules", {"levers": {"winback": {"flor": 0.1}}}),
        ("rules.levers.winback.flor: unknown key", "did you mean 'floor'"),
    ),
    "missing": (drop_at("periods"), ("periods: missing",)),
    "missing in a segment": (drop_at("segments", "fresh", "traits"), ("segments.fresh.traits: missing",)),
    "missing start": (drop_at("segments", "fresh", "start"), ("segments.fresh.start: missing",)),
    "missing in a curve": (
        drop_at("levers", "winback", "moves", "reactivation", "brings"),
        ("levers.winback.moves.reactivation.brings: missing",),
    ),
    "wrong type": (set_at("periods", "many"), ("periods:", "integer", "'many'")),
    "wrong word": (set_at("period", "fortnight"), ("period:", "'fortnight'", "month")),
    "zero periods": (set_at("periods", 0), ("periods:", "got 0")),
    "negative budget": (set_at("rules", {"budget": -5}), ("rules.budget:", "-5")),
    "infinite budget": (set_at("rules", {"budget": float("inf")}), ("rules.budget:", "inf")),
    "negative head count": (
        set_at("segments", "fresh", "start", "prospect", -1),
        ("segments.fresh.start.prospect", "-1"),
    ),
    "unknown start": (
        set_at("segments", "fresh", "start", "prospects", 3),
        ("segments.fresh.start", "'prospects' is not known", "did you mean 'prospect'"),
    ),
    "impossible floor": (
        set_at("rules", {"levers": {"winback": {"floor": 1.5}}}),
        ("rules.levers.winback.floor", "1.5"),
    ),
    "floor above cap": (
        set_at("rules", {"levers": {"winback": {"floor": 0.5, "cap": 0.2}}}),
        ("rules.levers.winback", "floor 0.5", "cap 0.2"),
    ),
    "floors over one": (
        set_at("rules", {"levers": {"winback": {"floor": 0.6}, "retention": {"floor": 0.6}}}),
        ("rules", "floors add up to 1.2"),
    ),
    "unknown lever in rules": (
        set_at("rules", {"levers": {"winbak": {"cap": 0.2}}}),
        ("rules.levers: 'winbak' is not known", "did you mean 'winback'"),
    ),
    "unknown segment in a lever": (
        set_at("levers", "winback", "by_segment", {"regular": {"reference": 1.0}}),
        ("levers.winback.by_segment: 'regular' is not known", "did you mean 'regulars'"),
    ),
    "survival above one": (
        set_at("levers", "retention", "moves", "survival", "unlimited_money", 1.2),
        ("levers.retention", "'survival'", "between 0 and 1"),
    ),
    "survival below zero": (
        set_at("levers", "retention", "moves", "survival", "without_money", -0.1),
        ("levers.retention", "'survival'", "between 0 and 1"),
    ),
    "nobody survives at the reference": (
        lambda c: (
            set_at("levers", "retention", "reference", 0)(c),
            set_at("levers", "retention", "moves", "survival", "without_money", 0)(c),
        ),
        ("levers.retention", "survival at the reference would be 0"),
    ),
    "curve out of order": (
        set_at("levers", "winback", "moves", "reactivation", "brings", 0.5),
        ("levers.winback.moves.reactivation", "without_money < brings < unlimited_money", "0.5"),
    ),
    "lever on the wrong stage": (
        set_at("levers", "winback", "targets", ["prospect"]),
        ("levers.winback", "'reactivation' cannot be moved in stage 'prospect'"),
    ),
    "no lever": (set_at("levers", {}), ("levers: expected at least one lever",)),
    "no segment": (set_at("segments", {}), ("segments: expected at least one segment",)),
    "thresholds out of order": (set_at("stages", {"declining": 6, "lapsed": 3}), ("stages", "declining < lapsed")),
    "competitor takes more than all": (
        set_at("competitors", [{"name": "x", "start": 1, "route": "acquisition", "strength": 2}]),
        ("competitors.0", "at most 1"),
    ),
    "competitor ends before it starts": (
        set_at("competitors", [{"name": "x", "start": 4, "end": 2, "route": "defection", "strength": 2}]),
        ("competitors.0", "end after start", "4 and 2"),
    ),
    "value-to-go without discounting": (set_at("discount_rate", 0), ("discount_rate", "terminal: none")),
    "gamma-gamma without a mean": (
        set_at("segments", "fresh", "traits", "spend", "q", 0.9),
        ("segments.fresh.traits.spend", "0.9"),
    ),
}

WRONG_CHAIN: dict[str, tuple[Change, tuple[str, ...]]] = {
    "row not summing to one": (
        set_at("chain", "actions", 1, "moves", [[0.9, 0.2], [0.2, 0.8]]),
        ("chain.actions[1].moves", "row 'here' sums to 1.1", "expected 1"),
    ),
    "wrong shape": (set_at("chain", "actions", 0, "moves", [[1.0], [1.0]]), ("chain.actions[0]", "moves 2 x 2")),
    "wrong rewards": (set_at("chain", "actions", 0, "reward", [1]), ("chain.actions[0]", "2 rewards")),
    "spend not rising": (set_at("chain", "actions", 1, "spend", 0), ("chain.actions[1].spend", "rising spend")),
    "reference beyond the actions": (set_at("chain", "reference", 2), ("chain.actions", "reference")),
    "unknown state": (
        set_at("segments", "all", "start", "hre", 3),
        ("segments.all.start", "'hre' is not known", "did you mean 'here'"),
    ),
    "a competitor beside a chain": (
        set_at("competitors", [{"name": "x", "start": 1, "route": "defection", "strength": 1}]),
        ("chain: takes the place of",),
    ),
}


def one_line(path: Path, content: object) -> str:
    """Return the error of loading ``content`` from a file, after checking its form."""
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_gives_one_line_naming_file_and_key(
    case: str, market: Callable[..., Content], tmp_path: Path
) -> None:
    """Each mistake is named with its key, what was expected and what came."""
    change, expected = WRONG[case]
    content = market()
    parse(content)
    change(content)
    message = one_line(tmp_path / "scenario.yaml", content)
    for part in expected:
        assert part in message


@pytest.mark.parametrize("case", WRONG_CHAIN)
def test_a_wrong_chain_gives_one_line_naming_file_and_key(case: str, tmp_path: Path) -> None:
    """A chain of the user's own is checked as strictly."""
    change, expected = WRONG_CHAIN[case]
    content = chain_content()
    parse(content)
    change(content)
    message = one_line(tmp_path / "scenario.yaml", content)
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- a\n- b\n", "holds list, not keys"),
        ("just words\n", "holds str, not keys"),
        ("name: [1, 2\nperiods: 3\n", "not YAML"),
        ("name: a\nname b: {\n", "not YAML"),
        ("name: x\nfolder: elsewhere\n", "folder: unknown key"),
        ("name: x\nlevers: {}\nlevers: {}\n", ", line 3: key 'levers' is there already, in line 2; keep one of them"),
        (
            "name: x\nsegments:\n  a: {start: {new: 1,\n    new: 2}}\n",
            ", line 4: key 'new' is there already, in line 3",
        ),
        ("name: x\nbase: {as_of: 2024-13-45}\n", "not YAML (month must be in 1..12)"),
    ],
)
def test_what_is_not_a_scenario_is_said_in_one_line(text: str, expected: str, tmp_path: Path) -> None:
    """An empty file, a list, or what is not YAML is refused by the file's name."""
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert expected in message
    assert "\n" not in message


def test_yaml_may_still_share_what_stands_elsewhere() -> None:
    """A key that comes with a merge may be said anew: that is what merges are for."""
    content = read_yaml("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n", "here")
    assert content == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 4}}


def test_a_missing_file_and_a_folder_are_said_in_one_line(tmp_path: Path) -> None:
    """No such file, a folder, and bytes that are not text each give one line and exit code 2."""
    with pytest.raises(ScenarioError, match="no such file"):
        load(tmp_path / "nothing.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path, binary):
        with pytest.raises(FolderError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: cannot be read")
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2


def test_keys_that_are_new_leave_the_names_of_scenarios_without_them() -> None:
    """Worked out by version 0.1, before levers paid terms, ranges had laws, and segments growth or diffusion."""
    care = {"without_money": 0.8, "unlimited_money": 0.95, "spend": 1, "brings": 0.9}
    traits = {"purchase_rate": 1, "defection_rate": 0.1, "spend": 10}
    scenario = parse(
        {
            "name": "a", "periods": 3, "margin": 0.5, "segments": {"s": {"start": {"new": 10}, "traits": traits}},
            "levers": {"care": {"targets": ["new"], "reference": 1, "moves": {"survival": care}}},
            "uncertain": [{"path": "margin", "low": 0.4, "high": 0.6}],
        }
    )  # fmt: skip
    assert scenario.hash == "5d3ada87d5791a051539c51f6b2f0b4bae4fb9e7b1b5cfbd78600e30661020d2"


def test_a_loaded_scenario_is_frozen_and_hashed_by_content(market: Callable[..., Content], tmp_path: Path) -> None:
    """Layout does not change the hash, a number does; nothing can be assigned."""
    content = market()
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(yaml.safe_dump(content), encoding="utf-8")
    second.write_text("# a comment\n" + yaml.safe_dump(content, default_flow_style=True), encoding="utf-8")
    one, two = load(first), load(second)
    assert isinstance(one, Scenario)
    assert one.hash == two.hash == parse(content).hash
    assert one.folder == tmp_path
    assert parse(market(margin=0.41)).hash != one.hash
    with pytest.raises(ValueError, match="frozen"):
        one.margin = 1.0
