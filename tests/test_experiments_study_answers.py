"""A study's arithmetic against other libraries and by hand."""

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from study_files import BLANK, BUDGET

from experiments.study.answers import Answers, Cell, Cells, half_widths, holm, paired
from experiments.study.doubts import _sobol, information, swings
from experiments.study.shown import (
    answer_in_words,
    barred_briefly,
    barred_in_words,
    barred_policies_in_words,
    budgets_in_words,
    chance_in_words,
    gain_cell,
    notes_in_words,
    survival_table,
    title_in_words,
    unspent_in_words,
    world_table,
)
from experiments.study.worlds import World, _points
from experiments.words.study import study_words
from optimizer.ask.kept import Broken


def cells(assets: dict[tuple[str, str], list[float]]) -> Cells:
    """Return cells with some assets by (world, policy), one budget."""
    units = {
        Cell(world, None, policy): [[{**BLANK, "assets": each, "kept": each, "spends": each}]]
        for (world, policy), each in assets.items()
    }
    return Cells.of(units, {})


def answers(assets: dict[tuple[str, str], list[float]], within: float = 0.01, *anew: str) -> Answers:
    policies = list(dict.fromkeys(policy for _, policy in assets))
    return Answers.of(cells(assets), "today", within, policies, frozenset(anew))


def test_intervals_are_students_paired() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 1, 12), rng.normal(9, 1, 12)
    mean, low, high, p = paired(a - b)
    theirs = stats.ttest_rel(a, b)
    interval = theirs.confidence_interval()
    assert (mean, p) == pytest.approx((float((a - b).mean()), theirs.pvalue), rel=1e-12)
    assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_holm_is_holm() -> None:
    """The worked example of Holm's procedure with m = 4: .005 x 4, .01 x 3, .03 x 2, .04 x 1, made monotone."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(holm([0.01, float("nan")])[1])
    assert holm([0.01, float("nan")])[0] == 0.01


def test_regret_rank_and_survival_by_hand() -> None:
    found = answers({
        ("calm", "today"): [100.0, 102.0], ("calm", "plan"): [110.0, 112.0],
        ("storm", "today"): [80.0, 82.0], ("storm", "plan"): [79.9, 81.9],
    })  # fmt: skip
    rows = {(row.world, row.policy): row for row in found.rows}
    assert rows["calm", "plan"].gain == rows["calm", "today"].regret == 10
    assert rows["storm", "plan"].regret == pytest.approx(0.1)
    assert [rows["storm", name].rank for name in ("today", "plan")] == [1, 2]
    plan, today = found.survivals
    assert (plan.policy, plan.worlds, plan.breaker) == ("plan", 2, "storm")  # .1 is within 1 % of 81
    assert (today.policy, today.worlds, today.worst_regret, today.breaker) == ("today", 1, 10, "calm")
    assert plan.worst_asset == pytest.approx(80.9)


def test_what_luck_cannot_tell_apart_is_not_called() -> None:
    """Ten pairs at .03 are each clear alone; among twenty such, Holm calls none."""
    rng = np.random.default_rng(3)
    base = rng.normal(100, 1, 10)
    noise = rng.normal(0, 1, 10)
    one = base + (noise - noise.mean()) / noise.std(ddof=1) * 1.0 + 0.85  # t = 2.69, p = .025
    alone = answers({("w", "today"): base.tolist(), ("w", "plan"): one.tolist()})
    assert next(row for row in alone.rows if row.policy == "plan").clear
    assets = {(f"w{i}", name): values.tolist() for i in range(20) for name, values in (("today", base), ("plan", one))}
    together = answers(assets)
    assert not any(row.clear or row.behind for row in together.rows)
    assert all(row.low > 0 for row in together.rows if row.policy == "plan")


def test_odds_of_being_best_are_those_of_the_means() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(0, 1, 400), rng.normal(0, 1, 400)
    found = answers({("w", "today"): a.tolist(), ("w", "plan"): b.tolist()})
    difference = a - b
    expected = stats.norm.cdf(difference.mean() / (difference.std(ddof=1) / 20))
    assert found.rows[0].best_odds == pytest.approx(expected, abs=0.03)
    assert sum(row.best_odds for row in found.rows) == pytest.approx(1)


def test_intervals_that_matter_are_of_the_best() -> None:
    found = cells({("w", "today"): [0.0, 2.0], ("w", "plan"): [10.0, 10.0], ("w", "bad"): [-100.0, 50.0]})
    half = stats.t.ppf(0.975, 1) * np.std([10, 8], ddof=1) / np.sqrt(2)
    assert half_widths(found, "today")["w", None] == pytest.approx(half)


def drawn(design: str, points: np.ndarray[Any, Any]) -> list[World]:
    return [
        World(f"{i}", None, {}, "many", dict(zip("ab", point.tolist(), strict=True)), design)  # type: ignore[arg-type]
        for i, point in enumerate(points)
    ]


def test_sobol_indices_of_a_sum_are_its_variances() -> None:
    """``a + 2 b`` with both uniform: a fifth of the variance is a's, four fifths are b's, none is shared."""
    points = _points("saltelli", 256, 2, 0)
    assets = {}
    for i, (a, b) in enumerate(points.tolist()):
        assets |= {(f"{i}", "today"): [0.0, 0.0], (f"{i}", "plan"): [a + 2 * b] * 2}
    found = {each.path: each for each in swings(drawn("saltelli", points), answers(assets))}
    assert [found[path].first for path in "ab"] == pytest.approx([0.2, 0.8], abs=0.02)
    assert [found[path].total for path in "ab"] == pytest.approx([0.2, 0.8], abs=0.02)
    assert found["b"].swing == pytest.approx(2 * found["a"].swing, rel=0.15)


def test_one_drawn_number_alone_moves_all_there_is() -> None:
    """First and total index of a single number are both 1, whatever it does: there is nothing beside it."""
    [(first, total, *_)] = _sobol(_points("saltelli", 256, 1, 0)[:, 0] ** 2, 1)
    assert (first, total) == pytest.approx((1, 1), abs=0.02)


def test_sobol_indices_of_few_worlds_say_how_sure_they_are() -> None:
    """95 % intervals hold the true shares of ``a + 2 b``, a fifth and four fifths, and few draws make them wide."""
    halves = {}
    for number in (16, 64):
        found = [_sobol(points @ [1, 2], 2) for points in (_points("saltelli", number, 2, seed) for seed in range(20))]
        inside = [
            abs(f - truth) <= half for one in found for (f, _, half, _), truth in zip(one, (0.2, 0.8), strict=True)
        ]
        assert np.mean(inside) >= 0.9
        halves[number] = np.mean([half for one in found for _, _, half, _ in one])
    assert halves[64] < 0.7 * halves[16]


def test_information_is_worth_what_a_table_says() -> None:
    """Two worlds: each policy is the best by 10 in one of them, so knowing which is worth 5."""
    found = answers({
        ("0", "today"): [10.0, 10.0], ("0", "plan"): [0.0, 0.0],
        ("1", "today"): [0.0, 0.0], ("1", "plan"): [10.0, 10.0],
    })  # fmt: skip
    worth = information(drawn("list", np.array([[0.0, 1.0], [1.0, 1.0]])), found)
    assert [(each.family, each.path, each.worth) for each in worth] == [("", "", 5.0), ("many", "a", 5.0)]


def test_a_plan_made_for_the_world_is_had_only_by_who_knows_it() -> None:
    """The best before is worth 5 in the mean, the best in each world 11 and 10: knowing it is worth 5.5."""
    found = answers({
        ("0", "today"): [10.0, 10.0], ("0", "plan"): [0.0, 0.0], ("0", "optimise"): [11.0, 11.0],
        ("1", "today"): [0.0, 0.0], ("1", "plan"): [10.0, 10.0], ("1", "optimise"): [9.0, 9.0],
    })  # fmt: skip
    found = replace(found, anew=frozenset({"optimise"}))
    worth = information(drawn("list", np.array([[0.0, 1.0], [1.0, 1.0]])), found)
    assert [(each.path, each.worth) for each in worth] == [("", 5.5), ("a", 5.0)]


def test_what_is_barred_in_one_world_is_had_by_who_knows_that_it_is_another() -> None:
    """A plan that is worth 30 more in one world, and breaks a rule in the other: knowing which is worth 15."""
    broken = {("1", "plan"): BUDGET}
    found = barred({
        ("0", "today"): [0.0, 0.0], ("0", "plan"): [30.0, 30.0],
        ("1", "today"): [0.0, 0.0], ("1", "plan"): [30.0, 30.0],
    }, broken)  # fmt: skip
    worth = information(drawn("list", np.array([[0.0, 1.0], [1.0, 1.0]])), found)
    assert [(each.path, each.worth) for each in worth] == [("", 15.0), ("a", 15.0)]


def test_what_is_made_anew_in_each_world_is_not_what_to_choose() -> None:
    """It is known only once the world is; where nothing known before survives anywhere, that is what is said."""
    assets = {
        ("calm", "today"): [100.0, 102.0], ("calm", "plan"): [110.0, 112.0], ("calm", "optimise"): [110.0, 112.0],
        ("storm", "today"): [80.0, 82.0], ("storm", "plan"): [70.0, 72.0], ("storm", "optimise"): [90.0, 92.0],
    }  # fmt: skip
    found = answers(assets, 0.01, "optimise")
    assert (found.survivals[0].policy, found.choice.policy) == ("optimise", "plan")
    assert title_in_words(found) == "Choose plan: it survives 1 of 2 worlds"
    said = answer_in_words(found, "EUR")
    assert "at worst, in 'storm', the best is worth 20 EUR more" in said
    assert "'optimise' survives 2 of 2 worlds, but is made anew in each" in said
    assert answers(assets).choice.policy == "optimise"  # a plan by that name, made once
    none = answers({**assets, ("calm", "plan"): [100.0, 102.0]}, 0.01, "optimise")
    assert none.choice.policy == "optimise"
    assert title_in_words(none).startswith("Plan anew once the world is known: optimise survives 2 of 2 worlds")
    calm = answers({cell: each for cell, each in assets.items() if cell[0] == "calm"}, 0.01, "optimise")
    assert calm.choice == calm.survivals[0]


def test_where_nobody_survives_nobody_is_to_choose() -> None:
    """Each policy is far from the best at one of two budgets."""
    worth = {("today", 1.0): 100.0, ("today", 2.0): 50.0, ("plan", 1.0): 60.0, ("plan", 2.0): 90.0}
    units = {
        Cell("w", budget, policy): [[{**BLANK, "assets": [each, each + 1], "kept": [1.0, 1.0], "spends": [1.0, 1.0]}]]
        for (policy, budget), each in worth.items()
    }
    found = Answers.of(Cells.of(units, {}), "today", 0.01, ["today", "plan"])
    assert [each.worlds for each in found.survivals] == [0, 0]
    assert title_in_words(found) == "No policy survives in any world: none is near the best at every budget"


def barred(assets: dict[tuple[str, str], list[float]], broken: dict[tuple[str, str], Any]) -> Answers:
    """Return answers where some cells break rules."""
    units = {
        Cell(world, None, policy): [[
            {**BLANK, "assets": each, "kept": each, "spends": each, "broken": broken.get((world, policy), [])}
        ]]
        for (world, policy), each in assets.items()
    }  # fmt: skip
    return Answers.of(Cells.of(units, {}), "today", 0.01, list(dict.fromkeys(policy for _, policy in assets)))


FLOOR = [asdict(Broken("floor of care", "", 1, "money", "", ">=", 2_500.0, 1_200.0, "", False))]
SHARE = [asdict(Broken("balconies: floor by share", "", 2, "money", "", ">=", 0.0, -400.0, "stated as a share", False))]


def test_who_spends_more_than_the_budget_is_no_yardstick() -> None:
    """Big spends 30 too much and is worth most; regret is against the plan, which is the best of those left."""
    found = barred(
        {("w", "today"): [100.0, 102.0], ("w", "plan"): [110.0, 112.0], ("w", "big"): [150.0, 152.0]},
        {("w", "big"): BUDGET},
    )
    today, plan, big = found.rows
    assert (plan.regret, plan.rank, today.regret, today.rank) == (0, 1, 10, 2)
    assert (big.gain, big.overspent, big.rank, big.best_odds, big.allowed) == (50, 30, 0, 0, False)
    assert np.isnan(big.regret)
    assert plan.best_odds == 1
    assert [each.policy for each in found.survivals] == ["plan", "today", "big"]
    assert [each.worlds for each in found.survivals] == [1, 0, 0]
    assert "'plan' is within 1 % of the best in 1 of 1 world: it is the best" in answer_in_words(found, "EUR")
    assert "big" not in answer_in_words(found, "EUR")
    said = " ".join(barred_policies_in_words(found))
    assert "'big' cannot be chosen in 1 of 1 places: in 'w' it spends 30 more than the budget." in said
    assert world_table(found)[1][0][-1] == "+50!"


def test_a_rule_broken_in_one_world_costs_that_world() -> None:
    assets = {("a", "today"): [10.0, 10.0], ("a", "plan"): [20.0, 20.0],
              ("b", "today"): [10.0, 10.0], ("b", "plan"): [20.0, 20.0]}  # fmt: skip
    found = barred(assets, {("b", "plan"): FLOOR})
    first, second = found.survivals
    assert (first.policy, first.worlds, first.worst_regret) == ("today", 1, 10)  # in b there is no other
    assert (second.policy, second.worlds, second.breaker) == ("plan", 1, "b")
    assert np.isnan(second.worst_regret)
    assert survival_table(found)[1][1][:4] == ["plan", "1 of 2", "breaks rules", "b"]
    assert "in 'b' it breaks floor of care 1,200, at least 2,500. Nobody" in " ".join(barred_policies_in_words(found))
    both = barred(assets, {("b", "plan"): [*BUDGET, *SHARE]})
    said = "in 'b' it spends 30 more than the budget and it breaks balconies: floor by share (stated as a share) by 400"
    assert f"{said} (and once more). Nobody" in " ".join(barred_policies_in_words(both))
    told = " ".join(barred_policies_in_words(both, study_words("zh")))
    assert "在“b”中，支出超过预算 30，并且违反：balconies：比例下限（以比例设定）差 400（另有 1 次）。" in told
    assert both.rows[3].breaks == ("budget by 30", said.partition("breaks ")[2] + " (and once more)")
    worth = information(drawn("list", np.array([[0.0, 1.0], [1.0, 1.0]])), found)
    assert worth == []  # one policy alone can be chosen in both


def test_where_nobody_keeps_the_rules_there_is_nobody_to_choose() -> None:
    assets = {("w", "today"): [10.0, 10.0], ("w", "plan"): [20.0, 20.0]}
    found = barred(assets, {("w", "plan"): FLOOR, ("w", "today"): BUDGET})
    assert all(np.isnan(row.regret) and not row.behind for row in found.rows)
    assert [each.worlds for each in found.survivals] == [0, 0]
    assert answer_in_words(found, "") == "No policy keeps the budget and the rules anywhere: there is none to choose."
    assert "In 1 places no policy keeps the budget and the rules" in " ".join(barred_policies_in_words(found))


def told(**changes: Any) -> Any:
    """Return as much of what is finished as notes are made from: each cell spends 90 of 100 written."""
    cell = Cell("w", None, "plan")
    found = SimpleNamespace(facts={"notes": [], "written": 100.0}, spends=np.array([90.0, 90.0]), assets=np.zeros(2))
    return SimpleNamespace(**{"cells": SimpleNamespace(found={cell: found}), "damaged": 0, **changes})


def test_notes_say_what_the_answer_rests_on() -> None:
    """Damaged files, numbers of replications that differ, many notes of files, and money that finds nobody."""
    found = answers({("w", "today"): [10.0, 12.0], ("w", "plan"): [20.0, 22.0]})
    [said] = unspent_in_words(told())
    assert said.startswith("'plan' is written to spend 100 and spends 90 in 'w': 10 finds nobody")
    finished = told(damaged=3)
    others = [Cell(f"w{i}", None, "plan") for i in range(5)]
    for i, cell in enumerate(others):
        finished.cells.found[cell] = SimpleNamespace(
            facts={"notes": [f"note {i}"], "written": 100.0 + i}, spends=np.array([60.0]), assets=np.zeros(3)
        )
    notes = notes_in_words(found, finished)
    assert "note 0 ('w0')" in notes
    assert "2 more such notes." in notes
    assert "3 files of the store were not whole and were made again." in notes
    assert "Replications: 2 to 3, added until intervals were narrow." in notes
    assert any("spends 60 in 'w4': 44 finds nobody" in note for note in notes)  # where most is left
    assert chance_in_words(float("nan")) == ""
    assert [chance_in_words(x) for x in (1.0, 0.0, 0.25)] == ["> 99 %", "< 1 %", "25 %"]


def test_the_title_and_the_best_budget() -> None:
    """Nobody survives; what is made anew does; how many worlds each budget is best in; nothing of one budget."""
    near = answers({("a", "today"): [10.0, 10.0], ("a", "plan"): [20.0, 20.0],
                    ("b", "today"): [30.0, 30.0], ("b", "plan"): [20.0, 20.0]})  # fmt: skip
    assert title_in_words(near).startswith("Choose today: it survives 1 of 2 worlds")
    assert budgets_in_words(near) == []
    none = replace(near, survivals=tuple(replace(each, worlds=0) for each in near.survivals))
    assert title_in_words(none).startswith("No policy survives in any world")
    rows = [
        *near.rows,
        *(replace(row, asked=500.0, asset=row.asset + (5 if row.world == "b" else -5)) for row in near.rows),
    ]
    rows = [replace(row, asked=row.asked or 900.0) for row in rows]
    assert budgets_in_words(replace(near, rows=tuple(rows))) == [
        "Of the budgets 'today' is worth most, its money taken off, with 900 in 1 of 2 worlds, 500 in 1 of 2 worlds."
    ]


def test_why_a_policy_is_barred_where_no_plan_can_be_made() -> None:
    nan = float("nan")
    plan = answers({("w", "today"): [10.0, 12.0], ("w", "plan"): [1.0, 1.0]}).rows[1]
    row = replace(plan, why="rules clash", asset=nan)
    assert (barred_briefly(row), barred_in_words(row), gain_cell(row, "today")) == (
        "no plan", "no plan can be made", "no plan"
    )  # fmt: skip
    many = replace(row, why="", broken=tuple(Broken(**{**FLOOR[0], "rule": f"r{i}"}) for i in range(5)))
    assert barred_in_words(many).endswith("; and 2 more")
    assert barred_in_words(replace(row, why="")) == ""


def test_a_number_that_moves_nothing_has_no_share_of_the_variance() -> None:
    assert _sobol(np.full(16, 7.0), 2) == [(0.0, 0.0, 0.0, 0.0)] * 2
