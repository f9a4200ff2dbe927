"""Policies register themselves: by decorator, in the package or outside, and from a Python file."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from markets import ROOT, SMALL

from policies import catalogue
from policies.catalogue import makers, named, names, policy
from policies.fixed import AsToday
from policies.spend import EvenSplit
from sim.errors import FolderError, InputError, NotAsWritten, PolicyError
from sim.scenario.file import load
from sim.twin import Twin, build

BUILT_IN = ("as today", "no spend", "acquisition first", "even split", "proportional to value")


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


@pytest.fixture(autouse=True)
def own_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test registers to itself."""
    monkeypatch.setattr(catalogue, "_makers", dict(makers()))


def file_of(folder: Path, *policies: str, name: str = "mine.py") -> Path:
    """Write a Python file that registers policies, each a copy of today with a name of its own."""
    lines = ["from policies.catalogue import policy", "from policies.fixed import AsToday", ""]
    for i, each in enumerate(policies):
        lines += [f"@policy('{each}')", f"def make{i}(twin, budget):", f"    return AsToday('{each}')", ""]
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_names_and_their_order() -> None:
    """Whatever else this package holds: today first, then in the order of files and of what each says."""
    assert tuple(name for name in names() if name in BUILT_IN) == BUILT_IN
    assert names()[0] == "as today"


def test_the_order_does_not_depend_on_what_was_imported_first() -> None:
    """In a fresh process rules of thumb are imported first, then one of the user's own."""
    code = (
        "import policies.spend\n"
        "from policies.catalogue import names, policy\n"
        "policy('my own')(lambda twin, budget: None)\n"
        "import policies.fixed\n"
        "print('\\n'.join(names()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tuple(done.stdout.splitlines()) == (*names(), "my own")


def test_the_decorator_alone_loads_nothing_heavy() -> None:
    """Registering a policy compiles no kernel."""
    code = (
        "import sys\n"
        "from policies.catalogue import names\n"
        "names()\n"
        "print([name for name in ('numba', 'simpy', 'pydantic', 'scipy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_functions_and_classes_of_ones_own(small: Twin) -> None:
    """A maker gets the twin and the budget, and is returned as it was."""
    before = names()
    got: list[Any] = []

    @policy("My-Own")
    def make(twin: Twin, budget: float) -> AsToday:
        got.append((twin, budget))
        return AsToday("my own")

    @policy("evener split")
    class Evener(EvenSplit):
        pass

    assert names() == (*before, "my own", "evener split")
    assert named("MY_OWN", small, 12.5).name == "my own"
    assert got == [(small, 12.5)]
    assert make(small, 1.0).name == "my own"
    assert isinstance(named("evener-split", small, 1.0), Evener)
    with pytest.raises(InputError, match="did you mean 'my own'"):
        named("my-one", small, 1.0)


def test_a_name_is_given_once(small: Twin) -> None:
    """A second maker of a name is refused, a built-in's included; the same one again, edited, takes its own place."""
    with pytest.raises(InputError, match=r"policy 'even split': policies.spend.EvenSplit has this name already; give "):

        @policy("even-split")
        def other(twin: Twin, budget: float) -> AsToday:
            return AsToday()

    for said in ("first", "second"):

        @policy("edited")
        def edited(twin: Twin, budget: float, said: str = said) -> AsToday:
            return AsToday(said)

    assert named("edited", small, 1.0).name == "second"
    assert isinstance(named("even split", small, 1.0), EvenSplit)


@pytest.mark.parametrize("name", ["", " ", "plan.json", "mine.py", "a/b", "two  blanks", "ends with -"])
def test_a_name_can_be_asked_for(name: str) -> None:
    with pytest.raises(InputError, match="expected a name of letters and digits"):
        policy(name)


def test_a_maker_that_makes_no_policy_is_told(small: Twin) -> None:
    policy("nothing")(lambda twin, budget: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(PolicyError, match=r"<lambda>: expected to get a policy, .* got None"):
        named("nothing", small, 1.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bandit(seed=-1)", r"parameter seed=-1: expected a number of at least 0"),
        ("last year(share={[]: 1})", r"expected parameters as name=value with commas between; it has none"),
        ("share of revenue(share=.1)(part=.3)", r"expected parameters as name=value .*; it has share=0.0"),
        ("share of revenue(**{'share': 1})", r"expected parameters as name=value"),
    ],
)
def test_what_is_wrong_in_brackets_is_said(name: str, expected: str, small: Twin) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        named(name, small, 1.0)
    assert "\n" not in str(caught.value)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Return what offers a policy, by name and place, as an installed distribution to a catalogue that never looked."""
    looked, known = catalogue._load_installed, importlib.metadata.entry_points

    def offer(name: str, place: str) -> None:
        points, ours = [EntryPoint(name, place, catalogue.ENTRY_POINTS)], {"group": catalogue.ENTRY_POINTS}
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda **by: points if by == ours else known(**by))
        looked.cache_clear()

    yield offer
    looked.cache_clear()


def test_an_entry_point_that_is_nothing_to_call_is_left_out(small: Twin, installed: Callable[[str, str], None]) -> None:
    """With a word, and without harm to all others."""
    installed("odd", "math:pi")
    with pytest.warns(NotAsWritten, match=r"policy 'odd' of an installed package is left out: .* math:pi, got 3"):
        assert named("as today", small, 1.0).name == "as today"
    with pytest.raises(InputError, match="policy 'odd' is not known"):
        named("odd", small, 1.0)


def test_an_entry_point_whose_name_is_taken_is_left_out_with_a_word(installed: Callable[[str, str], None]) -> None:
    installed("even-split", "builtins:dict")
    with pytest.warns(NotAsWritten, match=r"policy 'even-split' of an installed package is left out: another has"):
        assert makers()["even split"] is EvenSplit


@pytest.mark.parametrize("before", [False, True])
def test_an_installed_module_may_register_its_policy_too(
    before: bool, installed: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is imported before the catalogue looks or by it; a warning is an error here."""
    module = file_of(tmp_path, "strange", name=f"strange{before}.py").stem
    monkeypatch.syspath_prepend(tmp_path)
    installed("strange", f"{module}:make0")
    if before:
        importlib.import_module(module)
    assert names()[-1] == "strange"
    assert not catalogue.in_process_alone(makers()["strange"])


def test_a_python_file_is_asked_for_its_policy(small: Twin, tmp_path: Path) -> None:
    """The only one, or one by name; asked again it is read again."""
    one, two = file_of(tmp_path, "mine"), file_of(tmp_path, "this one", "that one", name="two.py")
    assert named(f"{one}", small, 1.0).name == "mine"
    assert named(f"{one}:mine", small, 1.0).name == "mine"
    assert named(f"{two}:that-one", small, 1.0).name == "that one"
    file_of(tmp_path, "renamed")
    assert named(f"{one}", small, 1.0).name == "renamed"


def test_what_is_wrong_with_a_python_file_is_said(small: Twin, tmp_path: Path) -> None:
    two = file_of(tmp_path, "this one", "that one", name="two.py")
    (tmp_path / "none.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "slip.py").write_text("x = = 1\n", encoding="utf-8")
    for word, expected in (
        (f"{two}", r"two.py: registers this one, that one; say which, as in .*two.py:this-one"),
        (f"{two}:third", r"two.py: registers no policy 'third'; expected one of this one, that one"),
        (f"{tmp_path / 'none.py'}", r'none.py: registers no policy; put @policy\("a name"\) before'),
        (f"{tmp_path / 'slip.py'}", r"slip.py: invalid syntax \(slip.py, line 1\)"),
        (f"{file_of(tmp_path, 'no spend', name='taken.py')}", r"policy 'no spend': policies.fixed.no_spend has this"),
    ):
        with pytest.raises(InputError, match=expected) as caught:
            named(word, small, 1.0)
        assert "\n" not in str(caught.value)
    with pytest.raises(FolderError, match=r"nowhere.py: cannot be read: No such file"):
        named(str(tmp_path / "nowhere.py"), small, 1.0)


def test_a_python_file_on_the_command_line(tenure, tmp_path: Path) -> None:
    """Compared beside others under its policy's name."""
    file_of(tmp_path, "my own")
    words = ("compare", SMALL, "--policy", "as-today", "--policy", "mine.py", "--replications", 2, "--no-track")
    code, out, err = tenure(*words)
    assert (code, err) == (0, "")
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith(("as today", "my own"))] == [
        "as today",
        "my own",
    ]
    code, _, err = tenure("simulate", SMALL, "--policy", "mine.py:other", "--replications", 1)
    assert code == 2
    assert err == "tenure: mine.py: registers no policy 'other'; expected one of my own\n"
