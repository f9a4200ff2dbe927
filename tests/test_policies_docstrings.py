"""Examples in the docstrings of policies and of the environment run."""

import doctest
import inspect

import pytest
from markets import SMALL

import tenure
from policies import catalogue, mixture

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("shown", [catalogue.entries, mixture.mixture])
def test_the_example_runs(shown: object) -> None:
    run(shown)


def test_the_environments_example_runs() -> None:
    pytest.importorskip("gymnasium")
    from experiments.environment import MarketEnvironment

    run(MarketEnvironment)


def run(shown: object) -> None:
    names = {"tenure": tenure, "firm": tenure.open(SMALL)}
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(shown) or "", names, str(shown), None, 0)
    assert test.examples
    said: list[str] = []
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append).failed == 0, "".join(said)
