"""The example markets: each command on its page does what the page says, and each mechanism has the sign it should."""

import copy
import math
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markets import ROOT
from scipy.optimize import minimize_scalar

from benchmarks.pages import BLOCK, NUMBER, PAGES, shape
from experiments.words.mechanism_figures import worth_less_than_nothing
from optimizer.ask.rows import as_today
from optimizer.optimize import optimize
from sim.engine.fluid import expected_history
from sim.history import History
from sim.neutrality import drifts
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
SAID = {
    "service-profit": ("Satisfaction, five levels", "Employees: satisfied with 60 points", "5 points more, kept up"),
    "links": ("Links: 15, 55, 20, 10 %", "Shock “poaching”", "gain a tie"),
    "helpers": (
        "3 % of employees leave each month",
        "replacing one costs 3,500",
        "Moved by wages and rosters",
    ),
    "perfumery": ("A club with the grades card, gold: 30, 10 %", "A member costs 0.5, 4 each month", "join the club"),
    "recommendations": ("misses the need of 70 % of new, 30 % of developing and 10 % of core", "bear its annoyance"),
    "hotel": ("55 % of purchases come through a partner", "sells at 90 % of its price", "works on “families” too"),
    "coffee-box": ("Customers renew", "of 2 kinds", "off what they pay"),
    "advisers": ("Links of several kinds", "To managers: 30 %", "the firm keeps the ties of 10 %", "Ties drift"),
    "categories": ("kitchen, textiles, furniture: 60, 30, 10 %", "its own share of customer 0.3", "add a category"),
    "word-of-mouth": ("Word of mouth: ten points", "Value to customers of “locals”: gain 68 less cost 45"),
    "subscription": ("Customers renew",),
    "rivals": ("Share of customer: 40 %", "Seasons:", "“old rival”", "it reacts", "“recession”", "points of utility"),
    "loss-makers": ("of cost to serve true customers", "true customers are charged on top", "leave because of it"),
    "price": ("off what they pay", "1.5 each is 5 % of the 30", "does not fall with it"),
    "letters": ("50 % of what acts is carried over", "works half as well", "20 % of the purchases it adds"),
    "prospects": ("100 prospects appear each month", "of 3 kinds", "25 % of revenue never paid", "Serving customers"),
    "planning": ("budgets of 6 months: equal parts", "balconies too: segments balconies", "at most 8 contacts"),
    "thresholds": ("Leaving is seen at once", "buy for the first time", "at most 6,120 in one month"),
    "bank": ("9,000 seen as core are of those won 5 years ago", "1.82 times by growth", "1.03 times because"),
    "start-up": ("plus 18 % times the share of its people who were ever won (Bass)", "and 1 % more each month"),
    "donors": ("6,000 seen as lapsed are of those won 14 quarters ago", "Leaving is silent"),
    "campaigns": ("decided 2 months before", "0.15 each is committed", "runs unchanged", "saturates", "Surveys:"),
}
"""What `tenure check` must say of each."""


def content_of(name: str) -> Content:
    loaded: Content = yaml.safe_load((ROOT / "examples" / name / "scenario.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", SAID)
def test_example_is_explained_and_runs(name: str, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """`check` names the mechanisms in words, `simulate` and `trace` run; nothing on standard error."""
    path = str(ROOT / "examples" / name / "scenario.yaml")
    code, out, err = tenure("check", path)
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for said in SAID[name]:
        assert said in text
    for words in (["simulate", path, "--replications", "2"], ["trace", path]):
        code, out, err = tenure(*words)
        assert (code, err) == (0, ""), words
        assert "Next: tenure" in out


def test_every_example_is_on_the_front_page() -> None:
    """The README lists every example folder."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in SAID:
        assert f"(examples/{name})" in page


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_what_is_printed(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tenure: Callable[..., tuple[int, str, str]]
) -> None:
    """Every line shown is among those printed, its numbers to 2 % (or 2 of the last digit)."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path / Path(page).parent)
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    for block, text in blocks:
        commands, lines, out = block.strip().split("\n"), text.strip("\n").split("\n"), ""
        for command in commands:
            if command.startswith("tenure "):
                code, out, err = tenure(*shlex.split(command)[1:])
                assert code == (0 if out else 2), err
                out = out or err
            else:
                subprocess.run(command, shell=True, check=True)
        printed = out.split("\n")
        for line in lines:
            assert any(alike(line, other) for other in printed), f"{line!r} is not printed by {commands[-1]!r}"


def alike(line: str, other: str) -> bool:
    """Return whether two lines say the same with nearly the same numbers."""
    if shape(line) != shape(other):
        return False
    pairs = zip(NUMBER.findall(line), NUMBER.findall(other), strict=True)
    values = [(float(a.replace(",", "")), float(b.replace(",", "")), len(a.partition(".")[2])) for a, b in pairs]
    return all(math.isclose(a, b, rel_tol=0.02, abs_tol=2 * 10.0**-digits) for a, b, digits in values)


# --- Signs: the mechanism there, and taken away ---


def expected(
    content: Content, spend: Callable[[Twin], np.ndarray[Any, Any]] | None = None
) -> tuple[float, History, Twin]:
    """Return the customer asset and the history in expected numbers, under today's spend or ``spend``."""
    twin = build(parse(copy.deepcopy(content)))
    history = expected_history(twin.chain, as_today(twin.chain) if spend is None else spend(twin))
    return customer_asset(history, twin.chain.discount_rate).total, history, twin


def without(content: Content, *path: str | int) -> Content:
    """Return the content without what is at ``path``."""
    out = copy.deepcopy(content)
    place: Any = out
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return out


def instead(content: Content, value: Any, *path: str | int) -> Content:
    """Return the content with ``value`` at ``path``."""
    out = copy.deepcopy(content)
    place: Any = out
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return out


def each(lever: str, money: float) -> Callable[[Twin], np.ndarray[Any, Any]]:
    """Return today's spend with ``money`` per head of all a lever's targets."""

    def plan(twin: Twin) -> np.ndarray[Any, Any]:
        out = np.array(as_today(twin.chain))
        i = twin.targets.levers.index(lever)
        out[:, :, :, i] = np.where(twin.targets.allowed[:, :, i], money, 0.0)
        return out

    return plan


def points_of(history: History, period: int) -> float:
    """Return mean satisfaction of true customers."""
    heads = history.alive[period]
    return float((np.nan_to_num(history.satisfaction[period]) * heads).sum() / heads.sum())


def test_five_employee_points_bring_two() -> None:
    """In a store that nobody leaves and in one where all leave at the mean rate, run for 25 years.

    Where customers differ, those who stay for so long are the loyal, whom nothing sorts: employees bring them more.
    """
    content = instead(content_of("service-profit"), 0.0, "segments", "shoppers", "traits", "purchase_rate")
    content = {**content, "periods": 300, "terminal": "none", "loss": 1.0}
    usual = 25 * np.dot(content["satisfaction"]["mix"], range(5))
    for rate in (0.0, 0.05):
        alike = instead(content, rate, "segments", "shoppers", "traits", "defection_rate")
        _, plain, _ = expected(alike)
        _, trained, _ = expected(alike, each("training", 0.04))
        assert trained.employees[-1] - plain.employees[-1] == pytest.approx(5, abs=1e-6)
        assert points_of(plain, 300) == pytest.approx(usual, abs=1e-9)
        assert points_of(trained, 300) - points_of(plain, 300) == pytest.approx(2, abs=0.01)
    _, plain, _ = expected(content)
    _, trained, _ = expected(content, each("training", 0.04))
    assert 1.5 < points_of(trained, 36) - points_of(plain, 36) < 2 < points_of(trained, 300) - points_of(plain, 300)


@pytest.mark.parametrize("name", ["service-profit", "word-of-mouth", "campaigns", "links"])
def test_nothing_drifts_in_the_examples(name: str) -> None:
    """Under today's spend neither satisfaction nor ties move by themselves."""
    assert drifts(build(parse(content_of(name)))) == []


def test_training_pays_through_customers_only() -> None:
    """The asset rises by more than training costs; where employees move nobody it falls by just that."""
    content = content_of("service-profit")
    plain, _, _ = expected(content)
    trained, history, twin = expected(content, each("training", 0.04))
    cost = float((history.spend.sum(axis=(1, 2, 3)) * twin.chain.discount[:-1]).sum())
    assert trained > plain
    cut_off = instead(content, 0.0, "employees", "bring")
    assert expected(cut_off, each("training", 0.04))[0] == pytest.approx(expected(cut_off)[0] - cost)
    assert expected(cut_off)[0] == pytest.approx(plain)


def test_links_protect() -> None:
    """Three ties keep more than one, a second contact more than none; those who are hired away take customers along."""
    content = content_of("links")
    today = expected(content)[0]
    assert expected(content, each("introductions", 4.0))[0] > today
    assert expected(without(content, "shocks"))[0] > today
    assert expected(instead(content, 0.0, "links", "follow"))[0] > today
    one, three = (instead(content, mix, "links", "mix") for mix in ([0, 1, 0, 0], [0, 0, 0, 1]))
    assert expected(three)[1].alive[-1].sum() > 1.1 * expected(one)[1].alive[-1].sum()


def test_satisfied_guests_talk() -> None:
    """Word of mouth wins more customers in both segments; without more value to talk of it changes next to nothing."""
    content = content_of("word-of-mouth")
    asset, history, _ = expected(content)
    silent, quiet, _ = expected(without(content, "word_of_mouth"))
    assert asset > silent
    assert (history.events["won"].sum(axis=0) > quiet.events["won"].sum(axis=0)).all()
    as_ever = instead(content, 45 + 15, "segments", "locals", "value_to_customer", "gain")
    assert points_of(expected(as_ever)[1], 24) < points_of(history, 24)
    assert expected(as_ever)[0] < asset


def test_subscription_is_the_customer_equity_test() -> None:
    """Values in closed form under today's spend, and the optimum of both intensities."""
    content = content_of("subscription")
    twin = build(parse(content))
    d, payment = 0.12, 50.0

    def kept(money: float) -> float:
        return 0.7 * (1 - (1 - 0.4 / 0.7) ** (money / 8))

    def won(money: float) -> float:
        return 0.4 * (1 - 0.5 ** (money / 5))

    def subscriber(money: float) -> float:
        return (payment * kept(money) - money) / (1 - kept(money) / (1 + d))

    def prospect(money: float, keeping: float) -> float:
        once = won(money) * (payment + subscriber(keeping) / (1 + d)) - money
        return once / (1 - (1 - won(money)) / (1 + d))

    worth = dict(zip(twin.chain.space.names, twin.chain.terminal[0], strict=True))
    assert worth["alive, 1 bought, 0 silent"] == pytest.approx(subscriber(8)) == pytest.approx(56 / 3)
    assert worth["prospect"] == pytest.approx(prospect(5, 8))
    assert expected(content)[0] == pytest.approx(1000 * prospect(5, 8), rel=1e-6)

    keep = minimize_scalar(lambda money: -subscriber(money), bounds=(0, 60), method="bounded").x
    win = minimize_scalar(lambda money: -prospect(money, keep), bounds=(0, 60), method="bounded").x
    assert (keep, win) == pytest.approx((15.93, 6.21), abs=0.01)
    plan = optimize(twin)
    stages = twin.targets.stages
    assert plan.intensity[:8, 0, stages.index("prospect"), 0] == pytest.approx(win, rel=0.1)
    assert plan.intensity[2:8, 0, stages.index("developing"), 1] == pytest.approx(keep, rel=0.1)
    assert 0.98 * 1000 * prospect(win, keep) < plan.asset <= 1000 * prospect(win, keep) * (1 + 1e-9)


def test_rivals_and_recessions_cost() -> None:
    """Each rival and the recession taken away leaves more; a range that is not kept up loses share of customer."""
    content = content_of("rivals")
    today, history, _ = expected(content)
    for rest in ([], content["competitors"][:1], content["competitors"][1:]):
        assert expected({**content, "competitors": rest})[0] > today
    assert expected(without(content, "shocks"))[0] > today
    assert expected(content, each("range", 0.0))[1].share[0, 0] < history.share[0, 0] == pytest.approx(0.4)
    december, july = history.purchases[11].sum(), history.purchases[6].sum()
    assert december > 1.7 * july


def test_a_rival_that_reacts_spoils_success() -> None:
    """What more winning brings is less where the old rival answers it."""
    content = content_of("rivals")
    stubborn = without(content, "competitors", 1, "reaction")
    gains = [expected(c, each("acquisition", 0.6))[1].alive[-1].sum() for c in (content, stubborn)]
    usual = [expected(c)[1].alive[-1].sum() for c in (content, stubborn)]
    assert gains[0] - usual[0] < gains[1] - usual[1]


def test_some_prospects_are_not_worth_winning() -> None:
    """The worst fifth are worth less than nothing; bad debt and cost to serve take from the asset, births add to it."""
    content = content_of("prospects")
    today, history, twin = expected(content)
    found = worth_less_than_nothing(twin)
    assert found is not None
    assert found["customers"] == pytest.approx([400, 2000])
    kinds = content["segments"]["open market"]["quality"]
    paid = instead(content, [{**kind, "bad_debt": 0.0} for kind in kinds], "segments", "open market", "quality")
    assert expected(paid)[0] > today
    assert history.bad_debt.sum() > 0 == expected(paid)[1].bad_debt.sum()
    assert expected(without(content, "cost_to_serve"))[0] > today
    assert expected(without(content, "segments", "open market", "births"))[0] < today
    assert expected(without(content, "segments", "open market", "quality"))[0] > today


def test_campaigns_take_time_and_crowd_their_medium() -> None:
    """Who stops today still has what was booked; twice the money makes fewer than twice as many aware."""
    content = content_of("campaigns")
    _, usual, twin = expected(content)
    tv = twin.targets.levers.index("television")
    stopped = twin.targets.with_committed(np.zeros((24, *twin.targets.shape)))
    history = expected_history(twin.chain, stopped)
    assert (history.spend[:, :, :, tv].sum(axis=(1, 2)) > 0).tolist() == [True, True] + [False] * 22
    assert history.spend[0, :, :, tv].sum() == pytest.approx(0.15 * 8000)
    roomy = without(content, "levers", "television", "saturation")
    crowded, free = (expected(c, each("television", 0.3))[1].events["aware"].sum() for c in (content, roomy))
    assert usual.events["aware"].sum() < crowded < free
    assert points_of(expected(content, each("service", 1.0))[1], 24) > points_of(usual, 24)
    assert np.isnan(usual.surveyed[1]).all()
    assert np.isfinite(usual.surveyed[2]).all()
