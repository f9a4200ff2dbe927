"""Assumptions in words: those of every scenario that comes along, in both languages."""

import re

import pytest
from markets import ROOT

from experiments.words.assumptions import in_words
from sim.scenario.file import load
from sim.scenario.market import EFFECT_STAGES as EFFECTS


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_effect_and_number_has_words(language: str) -> None:
    said = {
        in_words(f"levers.v1.2 care.by_segment.a.b.moves.{effect}.{number}", language)
        for effect in EFFECTS
        for number in ("without_money", "brings", "unlimited_money", "half")
    }
    assert len(said) == 4 * len(EFFECTS)
    assert all("v1.2 care" in each and "a.b" in each and "levers" not in each for each in said)
    assert in_words("base.by_segment.north.pareto_nbd.alpha", language).count("alpha") == 1
    assert in_words("stages.core", language) == "stages.core"


def test_what_comes_with_the_package_is_never_shown_as_a_path() -> None:
    paths = [each.path for file in ROOT.glob("examples/*/scenario.yaml") for each in load(file).uncertain]
    paths += [each.path for each in load(ROOT / "tests" / "data" / "unsure.yaml").uncertain]
    assert paths
    for path in paths:
        assert not re.search(r"levers\.|segments\.|moves\.", in_words(path)), path
