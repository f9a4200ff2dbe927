"""A study takes every policy that a comparison takes, and sends its content, not its place."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_files import asked, quick_scenario_in, stored

from experiments.firm import Firm
from experiments.study.ask import Study, read_study
from experiments.study.kept import _plain_policy
from experiments.study.played import Played
from experiments.study.run import Finished, run_study
from experiments.study.units import MixedVersionsError, Unit, World, run
from experiments.tracking.call import OBJECT
from policies.catalogue import apart, names, policy
from sim.arrays import quiet
from sim.errors import FolderError, InputError
from sim.scenario.file import load

HALF = """
from tenure import Allocation

class Half:
    name = "half"

    def __init__(self, twin, budget, part: float = 0.5):
        self.part = part

    def decide(self, observation):
        return Allocation.within(self.part * observation.targets.reference, observation)
"""
MIXTURE = {"prospect": "acquisition first", "else": "as today"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("played")
    quick_scenario_in(place)
    registered = HALF.replace("class Half", '@tenure.policy("my half")\nclass Half').replace(
        "from tenure", "import tenure\nfrom tenure"
    )
    (place / "mine.py").write_text(registered, encoding="utf-8")
    (place / "half_alone.py").write_text(HALF, encoding="utf-8")
    (place / "mix.yaml").write_text(yaml.safe_dump(MIXTURE), encoding="utf-8")
    Firm.open(place / "scenario.yaml").optimize(budget=900, bound_steps=0).save(place / "plan.json")
    return place


def study(folder: Path, policies: list[Any], **changes: Any) -> Study:
    return read_study(asked(worlds={"base": "scenario.yaml"}, policies=policies, **changes), folder)


def assets(found: Finished) -> dict[str, list[float]]:
    return {cell.policy: each.assets.tolist() for cell, each in found.cells.found.items()}


def test_every_kind_is_played_as_compare_plays_it(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Names with parameters, files, modules, mixtures, plans that react: the bits are those of a comparison."""
    monkeypatch.chdir(folder)
    kinds: dict[str, Any] = {
        "share of revenue(share=0.1)": "share-of-revenue(share=0.1)",
        "mix": "mix.yaml",
        "lean": {"lean": MIXTURE},
        "mine": "mine.py",
        "my-half(part=0.3)": "mine.py:my-half(part=0.3)",
        "half_alone:Half": "half_alone:Half",
        "plan": "plan.json",
        "plan (money)": "plan.json(money)",
        "plan (rolling)": "plan.json(rolling)",
    }
    found = run_study(study(folder, list(kinds.values()), replications=1), tmp_path, workers=1, step=quiet)
    here = assets(found)
    assert list(here) == list(kinds)
    firm = Firm.open("scenario.yaml")
    for name, given in kinds.items():
        said = given["lean"] if name == "lean" else given
        [outcome] = firm.compare([said], seed=1, replications=1).outcomes
        assert here[name] == outcome.assets.tolist(), name
        row = next(each for cell, each in found.cells.found.items() if cell.policy == name)
        assert row.facts["feedback"] == outcome.feedback, name
    assert here["mine"] == here["half_alone:Half"] != here["my-half(part=0.3)"]


def test_a_made_plan_may_react(folder: Path, tmp_path: Path) -> None:
    wanted = study(folder, ["optimise", "optimise(rolling)", "optimise@base(money)"], budgets=[900], replications=1)
    found = run_study(wanted, tmp_path, workers=1, step=quiet)
    assert found.made == 1
    assert [each.facts["feedback"] for each in found.cells.found.values()][:2] == [False, True]
    assert len({str(each) for each in assets(found).values()}) == 3


def test_all_is_the_catalogue(folder: Path) -> None:
    wanted = study(folder, ["no spend", "all", "four tasks(loyalty=0.5)"])
    with apart():
        known = [name for name in names() if name != "no spend"]
    assert [policy.name for policy in wanted.policies] == ["no spend", *known, "four tasks(loyalty=0.5)"]


def test_content_travels_not_places(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """The same units wherever the files lie, and what is read is played even when the file is gone."""
    monkeypatch.chdir(folder)
    given = ["mine.py", "mix.yaml", "half_alone:Half"]
    first = run_study(study(folder, given, replications=1), tmp_path / "one", workers=1, step=quiet)
    other = tmp_path / "other"
    quick_scenario_in(other)
    for name in ("mine.py", "mix.yaml", "half_alone.py"):
        (other / name).write_bytes((folder / name).read_bytes())
    wanted = study(other, given, replications=1)
    for name in ("mine.py", "mix.yaml", "half_alone.py"):
        os.remove(other / name)
    second = run_study(wanted, tmp_path / "two", workers=1, step=quiet)
    assert assets(first) == assets(second)
    assert list(stored(tmp_path / "one")) == list(stored(tmp_path / "two"))


def test_an_installed_policy_of_another_version_is_refused(folder: Path) -> None:
    world = World.of(load(folder / "scenario.yaml"))
    played = Played("as today", "name", "as today", stands_on=(("half_alone:Half", "of yesterday"),))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with pytest.raises(MixedVersionsError, match="half_alone:Half"):
            run(Unit(world, None, played, 1, 0, 1))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("shares of revenue", "did you mean 'share of revenue'"),
        ("share of revenue(part=1)", "no parameter 'part'"),
        ("plan.json(backwards)", "expected one of as written, money, rolling"),
        ("mix.yaml(share=1)", "a mixture has no parameters"),
        ("nowhere.py", "cannot be read"),
        ("nowhere:Nothing", "cannot be imported"),
        ({"else": "mine.py"}, "lies on this machine alone"),
        ({"else": "as todya"}, "did you mean 'as today'"),
        ({"else": 3}, "expected the name of a policy"),
        ({}, "expected names, files and mixtures"),
        (3, "expected names, files and mixtures"),
        ("optimise@nowhere", "no such world"),
    ],
)
def test_what_is_no_policy_is_said_where_it_stands(folder: Path, given: Any, said: str) -> None:
    with pytest.raises((InputError, FolderError), match="study: policies: ") as error:
        study(folder, ["as today", given])
    assert said in str(error.value)


class Mine:
    """A policy of somebody's own."""

    name = "mine"

    def decide(self, observation: Any) -> Any:
        return None


def test_what_travels_itself_or_not_at_all(tmp_path: Path) -> None:
    """An object is itself; a name that this process alone knows is refused; a mixture is lines."""
    mine = Mine()
    found = Played.of_object(mine)
    assert (found.given(), len(found.digest), found.name) == (mine, 64, "mine")
    with apart():
        policy("only here")(lambda twin, budget: mine)
        with pytest.raises(InputError, match="is registered in this process alone; a study sends its policies"):
            Played.of("only here", tmp_path)
    (tmp_path / "lines.yaml").write_text("- as today\n")
    with pytest.raises(InputError, match="expected a mixture of policies, such as"):
        Played.of("lines.yaml", tmp_path)
    inside = Played.of("policies.fixed:AsToday", tmp_path)
    assert (inside.by, inside.said) == ("name", "policies.fixed:AsToday")


def test_a_study_is_kept_with_its_objects_by_name() -> None:
    assert _plain_policy(Played.of_object(Mine()), {}) == {OBJECT: "mine"}
    files: dict[str, bytes] = {}
    given = _plain_policy(Played("half", "file", "half.py", b"text"), files)
    assert (given["by"], list(files.values())) == ("file", [b"text"])
