"""Both languages fill in the same, wherever pages take their words from; what the optimiser says is told in both."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from markets import EVERY_MECHANISM, ROOT

import experiments.words
from experiments.report import learned
from experiments.words import report
from experiments.words.details import DETAILS
from experiments.words.effects import effect_in_words, pays_in_words
from experiments.words.languages import LANGUAGES
from experiments.words.mechanisms import customers_in_words, market_in_words, survey_in_words, timing_in_words
from experiments.words.phrases import target_in_words
from experiments.words.retold import proof_retold, rule_retold, search_retold, unit_retold
from optimizer.ask.rules import rows_of
from optimizer.proof import NOT_PROVED, assumed
from sim.scenario.file import Scenario, load, parse
from sim.twin import build


def pairs() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield module, key and both languages of every pair of words that pages have."""
    modules = [importlib.import_module(f"experiments.words.{each.name}") for each in pkgutil.iter_modules(
        experiments.words.__path__
    )]  # fmt: skip
    for module in (*modules, learned):
        for found in vars(module).values():
            if isinstance(found, dict):
                for key, pair in found.items():
                    if (
                        isinstance(pair, tuple)
                        and len(pair) == len(LANGUAGES)
                        and all(isinstance(p, str) for p in pair)
                    ):
                        yield module.__name__, str(key), pair


def test_both_languages_fill_in_the_same() -> None:
    found = list(pairs())
    assert len(report.report_words("en")) == len(report._BOTH) + len(DETAILS)  # no key hides another's words
    assert len({module for module, _, _ in found}) >= 12
    for module, key, (english, chinese) in found:
        assert set(re.findall(r"{[\w:.+,]+}", english)) == set(re.findall(r"{[\w:.+,]+}", chinese)), (module, key)
        assert bool(english) == bool(chinese) or key == "between", (module, key)


def mechanisms(scenario: Scenario, language: str) -> list[str]:
    """Return all that is said of customers, market and levers."""
    said = [*customers_in_words(scenario, language), *market_in_words(scenario, language)]
    said += survey_in_words(scenario, language)
    for lever in scenario.levers.values():
        said += [*timing_in_words(lever, scenario.period, language), target_in_words(lever, language)]
        said += [effect_in_words(effect, curve, scenario.period, language) for effect, curve in lever.moves.items()]
        said.append(pays_in_words(lever.pays, language))
    return said


def test_every_mechanism_is_said_in_chinese() -> None:
    """Sentence by sentence, with the numbers of the English one, and no other Latin words than names."""
    files = [path for path in ROOT.glob("examples/*/scenario.yaml") if path.parent.name != "cdnow"]
    scenarios = [parse(EVERY_MECHANISM), *map(load, files)]
    assert len(scenarios) > 20
    for scenario in scenarios:
        english, chinese = (mechanisms(scenario, language) for language in LANGUAGES)
        assert len(english) == len(chinese)
        given = [
            *scenario.segments,
            *scenario.levers,
            *(each.name for each in (*scenario.competitors, *scenario.shocks)),
        ]
        given += [*(scenario.categories.names if scenario.categories else ())]
        given += [*(scenario.club.grades if scenario.club else ()), "Bass", "logit", "Sears"]
        names = set(re.findall(r"[A-Za-z]+", " ".join(given)))
        for said, told in zip(english, chinese, strict=True):
            assert set(re.findall(r"[A-Za-z]+", told)) <= names, told
            numbers = re.findall(r"\d[\d,.]*\d|\d", re.sub("“.*?”", "", said))
            assert set(numbers) - {"4", "5", "1", "2"} <= set(re.findall(r"\d[\d,.]*\d|\d", told)), (said, told)


@pytest.mark.parametrize("name", ["planning", "campaigns", "subscription", "thresholds"])
def test_rules_of_examples_are_told_in_chinese(name: str) -> None:
    """A rule's own words are Chinese, whatever the scenario calls it, and English is what the optimiser says."""
    twin = build(load(ROOT / "examples" / name / "scenario.yaml"))
    stated = twin.scenario.rules.model_dump_json()
    rows = rows_of(twin, 1000.0)
    assert rows
    for row in rows:
        assert rule_retold(row.name, "en") == row.name
        told = re.findall(r"[A-Za-z]+", rule_retold(row.name, "zh"))
        assert all(word in stated or word in twin.targets.levers for word in told), row.name


def test_what_a_bound_rests_on_is_told_in_chinese() -> None:
    flags = [(a, b, c, d, e) for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1) for e in (0, 1)]
    said = [NOT_PROVED, *(assumed(*map(bool, each)) for each in flags)]
    for each in said:
        starts = f"{each}; 8 starts of the search ended at lifts from 1,200 to 3,400, 2 of them within 1 % of the best"
        assert (proof_retold(each, "en"), proof_retold(starts, "en")) == (each, starts)
        assert not set(re.findall(r"[A-Za-z]+", proof_retold(starts, "zh"))) - {"of_late", "of", "late", "price"}


def test_why_a_search_stopped_is_told_in_chinese() -> None:
    said = "bound within 0.002 of lift after 12 prices; plan stopped at its limit after 30 steps, the best of 4 starts"
    assert search_retold(said, "en") == said
    assert search_retold(said, "zh") == (
        "经 12 组价格，上界收敛至提升的 0.002 以内；方案在 30 步后达到计算上限，为 4 个起点中最优"
    )
    assert unit_retold("at least 55.0 points", "zh") == "至少 55.0 分"
