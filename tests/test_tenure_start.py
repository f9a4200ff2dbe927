"""Where the command starts: no folder of the user's breaks it, and every option before a verb does what it says."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

import _tenure_start
from experiments.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = "import sys\nfrom {module} import {function}\nif __name__ == '__main__':\n    sys.exit({function}())\n"
VERSION = f"tenure {version('tenure')}\n"

THEIRS = "raise SystemExit('the module of somebody else')\n"

ROOT_OPTIONS = {
    "--version": ([], VERSION),
    "--verbose": (["check", "scenario.yaml"], "The scenario is valid."),
    "-v": (["check", "scenario.yaml"], "The scenario is valid."),
    "--help": ([], "Start with: tenure demo"),
    "-h": ([], "Start with: tenure demo"),
    "--install-completion": (["bash"], "completion installed"),
    "--show-completion": (["bash"], "_TENURE_COMPLETE"),
}
"""Words that follow, and what is then said, by option of the root."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return an empty folder but for a scenario, and a script as an installer makes it from the entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["tenure"].split(":")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tenure").write_text(SCRIPT.format(module=module, function=function), encoding="utf-8")
    (tmp_path / "work").mkdir()
    shutil.copy(ROOT / "tests" / "data" / "small.yaml", tmp_path / "work" / "scenario.yaml")
    return tmp_path


def run(place: Path, *words: str, path: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the work folder with ``path`` before the repository on the path that it searches."""
    search = os.pathsep.join([path, str(ROOT)] if path else [str(ROOT)])
    return subprocess.run(
        [sys.executable, *words], cwd=place / "work", env={**os.environ, "PYTHONPATH": search, **more},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def root_options() -> list[str]:
    """Return every spelling of every option before the verb, in an order of our own."""
    command = typer.main.get_command(app)
    context = command.make_context("tenure", [], resilient_parsing=True)
    spelled = [(*option.opts, *option.secondary_opts) for option in command.get_params(context)]
    return sorted(word for words in spelled for word in words)


@pytest.mark.parametrize("option", root_options())
def test_every_option_of_the_root(place: Path, option: str) -> None:
    """As a process; an option that the table does not know fails."""
    words, said = ROOT_OPTIONS[option]
    more = {"HOME": str(place), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"} if "completion" in option else {}
    done = run(place, str(place / "bin" / "tenure"), option, *words, **more)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_the_version_alone(place: Path) -> None:
    """By the script and as a module, in a line and nothing more; a verb after it is not run."""
    for words in ([str(place / "bin" / "tenure")], ["-m", "experiments"]):
        done = run(place, *words, "--version", "check")
        assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")


def test_every_verb_takes_h(place: Path) -> None:
    done = run(place, str(place / "bin" / "tenure"), "optimize", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Example: tenure optimize" in " ".join(done.stdout.split())


def hide(place: Path, name: str, how: str) -> None:
    """Put something of the user's named as our package beside the work."""
    if how == "module":
        (place / "work" / f"{name}.py").write_text(THEIRS, encoding="utf-8")
        return
    (place / "work" / name).mkdir()
    (place / "work" / name / "notes.txt").touch()
    if how == "package":
        (place / "work" / name / "__init__.py").write_text(THEIRS, encoding="utf-8")


@pytest.mark.parametrize(
    "how", ["folder", *(pytest.param(how, marks=pytest.mark.slow) for how in ("package", "module"))]
)
def test_what_lies_beside_the_work_does_not_break_the_command(place: Path, how: str) -> None:
    """Not even with the work folder first on PYTHONPATH; every package of ours at once."""
    for name in _tenure_start.PACKAGES:
        hide(place, name, how)
    for path in ("", "."):
        done = run(place, str(place / "bin" / "tenure"), "check", "scenario.yaml", path=path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "The scenario is valid." in done.stdout


@pytest.mark.parametrize(
    "how", ["package", *(pytest.param(how, marks=pytest.mark.slow) for how in ("folder", "module"))]
)
def test_as_a_module_too(place: Path, how: str) -> None:
    """With `python -m` the work folder is first on the path; what starts the command must be ours, the rest follows."""
    for name in ("sim", "optimizer", "policies"):
        hide(place, name, how)
    done = run(place, "-m", "experiments", "check", "scenario.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The scenario is valid." in done.stdout


def test_a_package_that_is_loaded_already_is_said(place: Path) -> None:
    """Somebody imported another `sim` before us: one line, exit code 2."""
    hide(place, "sim", "folder")
    (place / "work" / "sim" / "__init__.py").touch()
    done = run(place, "-c", "import sim, _tenure_start; _tenure_start.main()", path=str(place / "work"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tenure: {place / 'work' / 'sim'} hides Tenure's own package 'sim'; rename it")
    assert done.stderr.count("\n") == 1


def test_the_check_for_a_process_that_is_not_ours(place: Path) -> None:
    """It names what hides ours and changes nothing; a folder that is no package hides nothing."""
    words = ("-c", "import _tenure_start as start; start.check_packages(); print('ours')")
    hide(place, "policies", "folder")
    assert run(place, *words).stdout == "ours\n"
    hide(place, "optimizer", "module")
    done = run(place, *words)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {place / 'work' / 'optimizer.py'} hides Tenure's own package 'optimizer'")
