"""The ranges of dependencies say what they mean, and the versions that are held are within them."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.dependencies import lower_bounds

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]


def test_the_oldest_versions_are_admitted() -> None:
    """One for each direct dependency of package and tests, inside its own range."""
    direct = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    wanted = {each.name: each.specifier for each in map(Requirement, direct)}
    pins = dict(pin.split("==") for pin in lower_bounds())
    assert pins.keys() == wanted.keys()
    assert all(wanted[name].contains(pin) for name, pin in pins.items())


def test_the_versions_that_are_held_are_admitted() -> None:
    """Every direct dependency, of the extras too, has one version in constraints.txt, inside its range."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    held = dict(line.split("==") for line in lines if not line.startswith("#"))
    held = {canonicalize_name(name): number for name, number in held.items()}
    for wanted in map(Requirement, [*PROJECT["dependencies"], *EXTRAS]):
        if wanted.name != PROJECT["name"]:
            assert wanted.specifier.contains(held[canonicalize_name(wanted.name)]), wanted


def test_what_is_leant_on_beyond_its_documents_ends_at_the_minor_version_that_was_tried() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    held = dict(line.split("==") for line in lines if not line.startswith("#"))
    ranges = {each.name: each.specifier for each in map(Requirement, PROJECT["dependencies"])}
    for name, spelled in {"highspy": "highspy", "mlflow": "mlflow", "numba": "numba", "pulp": "PuLP"}.items():
        major, minor = map(int, held[spelled].split(".")[:2])
        assert ranges[name].contains(f"{major}.{minor}.99"), name
        assert not ranges[name].contains(f"{major}.{minor + 1}.0"), name
