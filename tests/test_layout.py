"""Tests mirror the rooms: small modules that lie flat beside each other and share only helpers."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
MODULES = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Return the last parts of the names of all that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(alias.name for alias in node.names)}
    return {name.rpartition(".")[2] for name in names}


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_long(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("name", MODULES)
def test_no_module_imports_a_test_module(name: str) -> None:
    tests = {path.stem for path in MODULES.values() if path.stem.startswith("test_")}
    assert not imported(MODULES[name]) & tests


def test_no_folder_of_tests_is_a_package() -> None:
    """A package ``tests/sim`` would shadow ``sim``."""
    assert [name for name, path in MODULES.items() if path.name == "__init__.py"] == []
