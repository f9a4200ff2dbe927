"""Every public name of `tenure` says what it is with an example, and the example runs."""

import doctest
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from markets import EXAMPLES, SMALL, members, orders

import tenure
from experiments.results.shown import Shown
from policies import catalogue

SHORT = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 3")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
UNSHOWN = {"__version__", "Demo", "Calibration", "ContractStudy", "CustomerList", "ui"}
"""What an example of a verb shows, or what waits for somebody to stop it."""


def documented() -> dict[str, Any]:
    """Return every public name that is to have an example, and the methods of a firm."""
    public = {name: getattr(tenure, name) for name in tenure.__all__ if name not in UNSHOWN}
    found = {n: v for n, v in public.items() if not (isinstance(v, type) and issubclass(v, BaseException))}
    methods = inspect.getmembers(tenure.Firm, callable)
    return found | {f"Firm.{name}": method for name, method in methods if name[0] != "_" and name not in vars(Shown)}


def once(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb that answers what it was asked before as before."""
    answers: dict[str, Any] = {}

    def answer(*asked: Any, **named: Any) -> Any:
        key = repr((asked, named))
        if key not in answers:
            answers[key] = verb(*asked, **named)
        return answers[key]

    return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the examples read."""
    place = tmp_path_factory.mktemp("examples")
    text = SHORT
    (place / "scenario.yaml").write_text(text, encoding="utf-8")
    (place / "uncertain.yaml").write_text(text + "uncertain: [{path: margin, low: 0.3, high: 0.5}]\n", encoding="utf-8")
    (place / "first-look").mkdir()
    (place / "first-look" / "scenario.yaml").write_text(text, encoding="utf-8")
    (place / "curves.csv").write_bytes((EXAMPLES / "allocate" / "curves.csv").read_bytes())
    orders(place / "orders.csv")
    members(place / "members.csv")
    return place


@pytest.fixture(scope="module")
def names(folder: Path) -> dict[str, Any]:
    """Return what examples start from; the same question to the same firm, in two examples, is answered once."""
    firm = tenure.open(folder / "scenario.yaml")
    vars(firm).update((verb, once(getattr(firm, verb))) for verb in ("whatif", "value_of_targeting"))
    return {"tenure": tenure, "content": yaml.safe_load(SHORT), "firm": firm, "plan": firm.optimize(budget=1_200)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "demo")) for name in documented()]
)
def test_the_example_runs(name: str, folder: Path, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    catalogue.makers()
    monkeypatch.setattr(catalogue, "_makers", dict(catalogue._makers))
    # How near what-ifs are is seen in tests/test_experiments_report_whatif.py.
    monkeypatch.setattr("optimizer.insight.held_out.SOLVED", {"nudged": 1, "moved": 1})
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(documented()[name]) or "", dict(names), name, None, 0)
    assert test.examples, f"{name} has no example"
    said: list[str] = []
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append).failed == 0, "".join(said)


def test_the_dozen_calls_of_the_help_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the package's own example, in a folder with the files it names; the demo's example runs it."""
    monkeypatch.chdir(folder)
    lines = doctest.DocTestParser().get_examples(tenure.__doc__ or "")
    assert len(lines) > 12
    source = "".join(line.source for line in lines if not line.source.startswith("tenure.demo("))
    for before, after in (
        ('open("scenario.yaml")', 'open("uncertain.yaml")'), ("=20", "=2"), ("samples=12", "samples=2"),
        ("frontier()", "frontier(number=1, bound=False)"), ('("orders.csv")', '("orders.csv", force=True)'),
        ('"here")', '"there")'),
    ):  # fmt: skip
        assert before in source
        source = source.replace(before, after)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(source, "help", "exec"), {})
    assert (folder / "report.html").is_file()
    assert (folder / "plan.xlsx").is_file()
