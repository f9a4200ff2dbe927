"""What turns the choice: switching values against closed forms and a root finder, worlds by name, and no such world."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from study_files import BLANK, BUDGET

from experiments.study.answers import Answers, Cell, Cells
from experiments.study.turned import TURN_COLUMNS, plain_lost, plain_turns, turning_in_words, turning_table
from experiments.study.turning import End, Lost, Turn, Turning, turning
from experiments.study.worlds import World, _points
from sim.scenario.file import parse

LUCK = np.array([-1.0, 0.5, 1.5, -1.0])
CONTENT: dict[str, Any] = {
    "name": "town", "periods": 2, "margin": 0.4,
    "segments": {"all": {"start": {"new": 10}, "traits": {"purchase_rate": 1, "defection_rate": 0.1, "spend": 5}}},
    "levers": {"care": {"targets": ["new"], "reference": 1.0, "moves": {"survival": {
        "without_money": 0.8, "unlimited_money": 0.9, "spend": 1.0, "brings": 0.85}}}},
}  # fmt: skip


def found(
    worlds: list[World], worth: Callable[[World, str], float], policies: tuple[str, ...] = ("plan", "today"),
    anew: frozenset[str] = frozenset(), noise: float = 0.1, broken: tuple[str, str] = ("", ""), luck: Any = LUCK,
) -> Turning | None:  # fmt: skip
    """Return what turns the choice where a policy is worth so much in a world, but for luck that differs by policy."""
    units, random = {}, np.random.default_rng(4)
    for world in worlds:
        for policy in policies:
            assets = (worth(world, policy) + luck + noise * random.normal(size=len(luck))).tolist()
            barred = BUDGET if (world.name, policy) == broken else []
            units[Cell(world.name, None, policy)] = [
                [
                    {
                        **BLANK,
                        "assets": assets,
                        "kept": assets,
                        "spends": assets,
                        "broken": barred,
                        "expected": worth(world, policy),
                    }
                ]
            ]
    cells = Cells.of(units, {})
    return turning(worlds, cells, Answers.of(cells, "today", 0.01, list(policies), anew))


def named(name: str, start: str = "", **changes: Any) -> World:
    content = {**CONTENT, **changes}
    return World(name, parse(content), content, name, start=start)


def drawn(points: Any, names: str, design: str = "latin hypercube") -> list[World]:
    values = [dict(zip(names, point, strict=True)) for point in np.asarray(points).tolist()]
    start = dict.fromkeys(names, 0.25)
    return [World(f"many: {i}", None, {}, "many", each, design, "base", start) for i, each in enumerate(values)]  # type: ignore[arg-type]


def test_the_only_number_turns_it_where_the_two_lines_cross() -> None:
    """The plan is worth 100, today's money 80 + 40 x: they cross at x = .5, which no world has."""
    told = found(
        drawn([[x] for x in (0.0, 0.9, 0.3, 0.6, 0.2)], "x"),
        lambda w, p: 100 if p == "plan" else 80 + 40 * w.values["x"],
    )
    assert told is not None
    [turn] = told.turned
    assert (turn.assumption, turn.instead, turn.above, turn.between) == ("x", "today", True, (0.3, 0.6))
    assert turn.at == pytest.approx(0.5, abs=0.01)
    assert (turn.low, turn.high, turn.now, turn.right, turn.of) == (0.0, 0.9, 0.25, 5, 5)
    assert (turn.before.best, turn.after.best) == ("plan", "today")
    assert (turn.before.regret, turn.after.regret) == pytest.approx((0, 16), abs=0.2)
    assert turn.worth == pytest.approx(16, abs=0.2)
    [said] = turning_in_words(told, "EUR")
    assert "changes where x of 'many' is above 0.5 (stated: 0.25): there 'today' is worth up to 16 EUR more " in said
    assert said.endswith("(between 0.3 and 0.6, in expected numbers 0.5; so in 5 of 5 worlds).")
    assert told.expected is not None
    assert told.expected.turned[0].at == pytest.approx(0.5, abs=1e-9)


def test_it_may_turn_and_turn_back() -> None:
    """Today's money is better where |x - .5| > .3: two switching values, one on each side."""
    points = [[x] for x in np.linspace(0, 1, 11)]
    told = found(drawn(points, "x"), lambda w, p: 100 if p == "plan" else 94 + 20 * abs(w.values["x"] - 0.5))
    assert told is not None
    assert sorted((round(turn.at, 1), turn.above) for turn in told.turned) == [(0.2, False), (0.8, True)]


@pytest.mark.parametrize("design", ["latin hypercube", "sobol", "saltelli"])
def test_of_several_numbers_each_switches_with_the_others_at_their_means(design: str) -> None:
    """Another 3 a + b - c - 1.4 more than the plan: the root in a by hand and by Brent; b turns nothing by itself."""
    points = _points(design, 64, 3, 0)

    def more(a: float, b: float, c: float) -> float:
        return 10 * (3 * a + 0.4 * b - c - 1.4)

    told = found(
        drawn(points, "abc", design),
        lambda w, p: 100.0 if p == "plan" else 100 + more(*(w.values[k] for k in "abc")),
        noise=0.001,
    )
    assert told is not None
    by_path = {turn.assumption: turn for turn in told.turns}
    _, b, c = points.mean(axis=0)
    a = by_path["a"]
    assert a.at == pytest.approx(brentq(lambda x: more(x, b, c), 0, 1), abs=0.02)
    assert a.at == pytest.approx((1.4 + c - 0.4 * b) / 3, abs=0.02)
    assert a.above
    truth = [more(*point) > 0 for point in points.tolist()]
    assert a.right == sum((point[0] > a.at) == better for point, better in zip(points.tolist(), truth, strict=True))
    assert a.right > max(sum(truth), len(truth) - sum(truth))
    assert not by_path["b"].instead  # where it alone says who is better it is wrong more often than a name
    assert told.lost == ()


def test_a_number_beside_which_words_vary_is_not_the_only_one() -> None:
    """Today's money is better in one of four worlds, by number and word: no value of the number says where."""
    worlds = [
        World(f"many: {i}", None, {}, "many", {"x": x, "route": route}, "grid", "base", {"x": 1, "route": "old"})  # type: ignore[arg-type]
        for i, (x, route) in enumerate([(1, "old"), (1, "new"), (2, "old"), (2, "new")])
    ]
    told = found(worlds, lambda w, p: 130 if p == "today" and w.name == "many: 3" else 100 + 10 * (p == "plan"))
    assert told is not None
    assert told.turned == ()
    assert [(each.worlds, each.of, each.instead) for each in told.lost] == [(1, 4, "today")]
    barred = found(worlds, lambda w, p: 100 + 10 * (p == "plan"), broken=("many: 2", "plan"))
    [said] = turning_in_words(barred, "EUR")
    assert said.startswith("In 1 of 4 worlds of 'many' 'plan' cannot be chosen or another is worth more, and no number")


def test_one_made_anew_that_may_only_be_lucky_is_no_side() -> None:
    """It is ahead beyond the share within which a policy survives in both worlds, told apart in one: no switch."""
    told = found(
        drawn([[0.0], [1.0]], "x"), lambda w, p: 100 if p == "plan" else 104 + 40 * w.values["x"],
        policies=("plan", "anew", "today"), anew=frozenset({"anew", "today"}), noise=2.0,
    )  # fmt: skip
    assert told is not None
    assert told.turned == ()
    assert [(each.worlds, each.of) for each in told.lost] == [(1, 2)]


def test_worlds_that_no_number_alone_explains_are_counted() -> None:
    """Two numbers that matter only together: a fit of each alone is flat."""
    points = [[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0) for _ in (0, 1)]
    told = found(drawn(points, "ab"), lambda w, p: 100.0 if p == "plan" else 98 + 5 * w.values["a"] * w.values["b"])
    assert told is not None
    assert told.turned == ()
    [lost] = told.lost
    assert (lost.family, lost.instead, lost.worlds, lost.of) == ("many", "today", 4, 8)
    assert lost.worth == pytest.approx(3, abs=0.3)
    assert plain_lost(told)[0]["worlds"] == 4
    assert "In 4 of 8 worlds of 'many' another is worth more than 'plan'" in turning_in_words(told, "")[0]


def test_a_world_with_a_name_turns_it_by_the_keys_in_which_it_differs() -> None:
    worlds = [
        named("base"),
        named("thin", "base", margin=0.2),
        named("thin and dear", "thin", margin=0.2, discount_rate=0.3),
    ]
    told = found(worlds, lambda w, p: 100.0 if p == "plan" else 90.0 if w.name == "base" else 105.0)
    assert told is not None
    assert told.choice == "today"  # two worlds of three
    [turn] = told.turned
    assert (turn.world, turn.assumption, turn.instead) == ("base", "", "plan")
    plan_first = found(
        [*worlds[:2], named("same", "base", periods=3)],
        lambda w, p: 100.0 if p == "plan" else 105.0 if w.name == "thin" else 90.0,
    )
    assert plan_first is not None
    [turn] = plan_first.turned
    assert (turn.world, turn.assumption, turn.instead) == ("thin", "margin 0.4 -> 0.2", "today")
    assert (turn.before.regret, turn.after.regret) == pytest.approx((0, 5), abs=0.3)
    assert "changes in 'thin' (margin 0.4 -> 0.2): there 'today' is worth 5" in turning_in_words(plan_first, "EUR")[0]
    header, rows = turning_table(plan_first)
    assert [len(row) for row in rows] == [len(header)] * 2
    assert rows[1][0] == "periods 2 -> 3"


def test_nothing_turns_it_where_luck_explains_what_is_seen() -> None:
    """A better mean by half its noise is no turn; nor is a world where both are as good."""
    told = found([named("base"), named("thin", "base", margin=0.2)], lambda w, p: 100.0, noise=1.0)
    assert told is not None
    assert told.turned == told.lost == ()
    assert turning_in_words(told, "EUR")[0].startswith(f"Nothing in these worlds turns the choice of '{told.choice}'")
    assert set(plain_turns(told)[0]) == set(TURN_COLUMNS)


def test_what_luck_hides_is_told_in_expected_numbers() -> None:
    """Where four replications say nothing, the fluid twin's lines still cross at .5."""
    worlds = drawn([[x] for x in np.linspace(0, 1, 5)], "x")
    told = found(worlds, lambda w, p: 100.0 if p == "plan" else 99 + 2 * w.values["x"], noise=30.0)
    assert told is not None
    assert told.expected is not None
    assert told.turned == told.lost == ()
    [turn] = told.expected.turned
    other = turn.instead
    assert ({told.choice, other}, turn.above) == ({"plan", "today"}, other == "today")
    assert turn.at == pytest.approx(0.5, abs=1e-9)
    none, told_apart = turning_in_words(told, "EUR")
    assert "by no more than luck explains" in none
    assert told_apart.startswith("Told apart in expected numbers alone")
    assert plain_turns(told)[0]["instead"] is None


def test_a_plan_made_anew_is_a_yardstick() -> None:
    """Nobody can choose it before the world is known: the choice is the plan of one world, and lost past 1 % alone."""

    def worth(world: World, policy: str) -> float:
        return {"anew": 100.0, "plan": 100 - 4 * world.values["x"], "today": 80.0}[policy]

    told = found(
        drawn([[x] for x in np.linspace(0, 1, 9)], "x"), worth, ("anew", "plan", "today"), frozenset({"anew"}), 0.01
    )
    assert told is not None
    assert told.choice == "plan"
    [turn] = told.turned
    assert (turn.instead, turn.above) == ("anew", True)
    assert turn.at == pytest.approx(0.25, abs=0.02)  # 4 x is 1 % of 100
    assert turn.worth == pytest.approx(4, abs=0.05)


def test_where_the_choice_is_barred_the_world_turns_it() -> None:
    worlds = [named("base"), named("thin", "base", margin=0.2), named("dear", "base", discount_rate=0.3)]
    told = found(worlds, lambda w, p: 100.0 if p == "plan" else 90.0, broken=("thin", "plan"))
    assert told is not None
    [turn] = told.turned
    assert (told.choice, turn.world, turn.instead) == ("plan", "thin", "today")
    assert np.isnan(turn.worth)
    assert "it cannot be chosen, and 'today' is the best" in turning_in_words(told, "")[0]


def test_one_replication_tells_nothing_and_one_world_has_no_choice_to_turn() -> None:
    worlds = [named("base"), named("thin", "base", margin=0.2)]
    told = found(worlds, lambda w, p: 100.0 if p == "plan" else 110.0 * (w.name == "thin"), luck=LUCK[:1])
    assert turning_in_words(told, "") == [
        f"Which assumption turns the choice of '{told and told.choice}' cannot be told from one replication."
    ]
    assert found(worlds[:1], lambda w, p: 100.0) is None
    assert turning_in_words(None, "") == []
    assert plain_turns(None) == []


def test_who_cannot_be_chosen_turns_nothing() -> None:
    """Big overspends where it is worth most; the best there is a plan made anew, too close to count."""
    worth = {"plan": 100.0, "today": 90.0, "optimise": 100.5}
    told = found(
        [named("base"), named("dear", discount_rate=0.3)],
        lambda w, p: worth.get(p, 150.0 if w.name == "dear" else 80.0),
        policies=("plan", "today", "optimise", "big"), anew=frozenset({"optimise"}), broken=("dear", "big"),
    )  # fmt: skip
    assert told is not None
    assert (told.choice, told.turned) == ("plan", ())


# --- In words ---------------------------------------------------------------------------------------------------------

NAN = float("nan")
NUMBER = Turn("margin", "drawn", None, 0.2, 0.6, 0.4, End(10.0, "a"), End(30.0, "b"), "b", 0.3512, (0.3, 0.42), True,
              25.0, 7, 9)  # fmt: skip
NAMED = Turn("loss 0.1 -> 0.2", "rival", None, NAN, NAN, NAN, End(0.0, "a"), End(12.0, "b"), "b", worth=12.0)
FIRST = Turn("", "base", None, NAN, NAN, NAN, End(0.0, "a"), End(0.0, "a"))
FOUND = Turning("a", (NUMBER, NAMED, FIRST), (), 30.0, "far", False, close=0, places=3)


def test_what_turns_it_in_sentences() -> None:
    """A number and where it lies, a world with its keys; barred, lost, or nothing; more than are shown are counted."""
    number, world = turning_in_words(FOUND, "EUR")
    assert "margin" in number
    assert all(part in number for part in ("0.351", "0.3 ", "0.42", "7 of 9", "25 EUR"))
    assert all(part in world for part in ("'rival'", "loss 0.1 -> 0.2", "12 EUR"))
    sure = replace(FOUND, turns=(replace(NUMBER, at=0.4),), expected=None)
    told = turning_in_words(replace(FOUND, expected=replace(sure, turns=(*sure.turns, NAMED, FIRST))), "EUR")
    assert (len(told), "0.4" in told[0]) == (2, True)
    only = turning_in_words(replace(FOUND, turns=(FIRST,), expected=sure), "EUR")
    assert (len(only), "margin" in only[1], only[1].startswith("Told apart in expected numbers alone")) == (
        2,
        True,
        True,
    )
    barred = turning_in_words(replace(FOUND, turns=(replace(NAMED, worth=NAN, budget=500.0),)), "")
    assert ("nan" in barred[0], "budget 500" in barred[0]) == (False, True)
    lost = (Lost("drawn", None, "b", 9.0, 2, 8), Lost("drawn", 500.0, "b", NAN, 2, 8))
    told = turning_in_words(replace(FOUND, turns=(), lost=lost), "EUR", most=1)
    assert ("2 of 8" in told[0], "9 EUR" in told[0]) == (True, True)
    assert told[1:] == ["1 more such turns: turning.csv."]
    [none] = turning_in_words(replace(FOUND, turns=(FIRST,)), "EUR")
    [near] = turning_in_words(replace(FOUND, turns=(FIRST,), close=2), "EUR")
    assert ("30 EUR" in none, "'far'" in none, near.startswith(none), "2 of 3" in near) == (True, True, True, True)
    assert turning_in_words(None, "EUR") == []
    [blind] = turning_in_words(replace(FOUND, blind=True), "EUR")
    assert "one replication" in blind.lower()


def test_what_turns_it_in_a_table() -> None:
    """Budgets where there are several; a world that starts from none; who cannot be chosen there."""
    header, rows = turning_table(FOUND)
    assert [len(header), *map(len, rows)] == [5, 5, 5, 5]
    assert (rows[0][0], rows[0][2], rows[0][4]) == ("margin", "10, then 30", "above 0.351, 'b'")
    assert rows[2][2:4] == ["0", "a"]
    lost = replace(NAMED, budget=500.0, after=End(NAN, ""), assumption="k" * 70)
    header, rows = turning_table(replace(FOUND, turns=(FIRST, lost)))
    assert (len(header), rows[0][2], rows[1][2]) == (6, "", "500")
    assert rows[1][0].endswith("…")
    assert rows[1][3:5] == ["0, then barred", "a, then barred"]
    plain = plain_turns(replace(FOUND, expected=replace(FOUND, turns=(replace(NUMBER, at=0.4), NUMBER))))
    assert (plain[0]["at_expected"], plain[0]["between_high"], plain[0]["best_after"]) == (0.3512, 0.42, "b")
    assert (plain[2]["instead"], plain_turns(None), plain_lost(None)) == (None, [], [])
