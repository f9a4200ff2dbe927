"""The contributing page's walks through an effect and a chain, followed to the letter in a copy of the packages."""

from pathlib import Path

import pytest
from walks import walk


@pytest.mark.slow
def test_a_chain_is_one_class_and_one_line(tmp_path: Path) -> None:
    """Beside its class only the registry of kinds changes: a line and its import."""
    walked = walk("A chain", tmp_path)
    assert walked.changed == ("sim/twin.py",)
    assert walked.made == ("sim/engine/shoppers.py", "shoppers.yaml")


@pytest.mark.slow
def test_an_effect_is_followed_by_agents_fluid_twin_and_optimiser(tmp_path: Path) -> None:
    """Its name, its odds and their derivative, its words, and the plain market it is held against."""
    walked = walk("An effect", tmp_path)
    assert walked.changed == (
        "sim/scenario/market.py", "sim/engine/effects.py", "experiments/words/effects.py", "tests/plain/market.py",
        "tests/everything.py",
    )  # fmt: skip
