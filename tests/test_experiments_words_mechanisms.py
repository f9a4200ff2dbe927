"""What `check` and the report say of a market with every mechanism."""

import json
import re
from typing import get_args

import pytest
from markets import CURVE, EVERY_MECHANISM, small

from experiments.report.grounds import assumptions
from experiments.words.describe import describe
from experiments.words.effects import effect_in_words
from experiments.words.mechanisms import customers_in_words, market_in_words, survey_in_words
from experiments.words.report import report_words
from sim.scenario.curves import BlattbergDeighton
from sim.scenario.file import parse
from sim.scenario.market import Effect, Route, Shock
from sim.twin import build

pytestmark = pytest.mark.usefixtures("market_file")


def test_check_says_every_mechanism(tenure) -> None:
    """Who, what acts on whom, and which values are defaults."""
    code, out, err = tenure("check", "market.yaml")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for said in (
        "Leaving is silent: the firm only sees that no purchase comes (assumed); 5 % of the gone",
        "Each month 20 % reconsider (assumed)",
        "the newly won and the returned enter like those who are there (assumed)",
        "A level up lowers the defection rate by 20 %.",
        "30, 40, 20, 10 % of customers have 0, 1, 2, 3 independent ties",
        "100 % of those whose only tie it was leave too (assumed)",
        "Share of customer: 50 %",
        "Serving customers costs 0.5 per true customer and month and 0.2 per purchase.",
        "In “home” 20 prospects appear each month.",
        "20 % with chance of being won 2 times the usual, money per purchase 0.3 times the usual and 50 % of revenue "
        "never paid",
        "gain 50 less cost 30, against 15 when the data were gathered; the chance of a level up in satisfaction shifts "
        "by +1 %",
        "Employees: satisfied with 65 points at the start, 60 when the data were gathered; each month 10 % of the "
        "distance to that is made good (assumed). 5 points more, kept up, bring 2 points of customer satisfaction in "
        "the long run (assumed: the figure told of Sears). Moved by training.",
        "raise the chances of awareness and of winning by 10 % in “home” from “away”.",
        "Seasons: the purchase rate is multiplied by 1.33, 0.667 in turn",
        "Competitor “copycat” acts on acquisition with strength 0.2 from month 3 on: the chance of winning is "
        "multiplied by 0.8; it reacts: for every per cent that our share of the market's people grows, its strength "
        "grows by 1 %, to 2 times at most (assumed).",
        "Competitor “shop” acts on share of customer with strength 0.1 from month 1 to 4 in “away”: it takes 10 %",
        "Shock “slump” from month 2 to 3: the purchase rate is multiplied by 0.8.",
        "Shock “strike” from month 5 to 5: employee satisfaction moves by -4 points each month.",
        "Shock “merger” from month 7 on: the chance that a tie is lost rises by 10 %.",
        "decided 2 months before it acts and is paid; today's spend acts until then (assumed)",
        "a campaign runs unchanged for 2 months",
        "tv: today 150 a month go into its medium; at 400 a unit of money works half as well",
        "Surveys: every 2 months, 400 customers per segment and tier (assumed); an answer errs by 10 points (assumed); "
        "results are known 1 month later (assumed).",
        "discounted at 10.0% a year (assumed)",
    ):
        assert said in text, said
    assert len(max(out.split("\n")[2:], key=len)) <= 120
    code, out, _ = tenure("check", "market.yaml", "--json")
    assert "Employees" in json.loads(out)["text"]


def test_saturation_halves_where_it_is_said_to() -> None:
    """At the spend that `check` names a unit of money works half as well as today."""
    twin = build(parse(EVERY_MECHANISM))
    crowd, start = twin.chain.crowd, twin.chain.crowd.start
    tv = twin.targets.levers.index("tv")
    more = twin.targets.reference * 400 / 150
    assert crowd.media.works(more, start)[0][0, 0, tv] == pytest.approx(more[0, 0, tv] / 2)
    assert crowd.media.works(twin.targets.reference, start)[0] == pytest.approx(twin.targets.reference)


@pytest.mark.parametrize("law", ["silent", "contractual", "renewal"])
def test_the_law_is_said(law) -> None:
    """Each law in words of its own."""
    lever = {"keep": {"targets": ["new"], "reference": 1.0, "moves": {"survival": {**CURVE, "unlimited_money": 0.9}}}}
    traits = {"purchase_rate": 1, "defection_rate": 0.1, "spend": 10}
    segments = {"a": {"start": {"new": 10}, "traits": traits}}
    scenario = parse({"name": "l", "periods": 2, "law": law, "segments": segments, "levers": lever})
    words = {"silent": "is silent", "contractual": "end of a contract", "renewal": "Customers renew"}
    assert words[law] in customers_in_words(scenario)[0]
    assert market_in_words(scenario) == survey_in_words(scenario) == []


def test_every_effect_and_route_has_words() -> None:
    """What can be in a scenario can be said of it."""
    for effect in get_args(Effect):
        said = effect_in_words(effect, BlattbergDeighton(**CURVE), "month")
        assert re.search(r"\w+ without money, 0\.05 at 1, 0\.2 at most|without money, 5 % at 1, 20 % at most", said)
    content = {**EVERY_MECHANISM, "competitors": [], "shocks": []}
    routes = {"competitors": get_args(Route), "shocks": get_args(Shock.model_fields["route"].annotation)}
    for kind, size in (("competitors", "strength"), ("shocks", "size")):
        for route in routes[kind]:
            one = parse({**content, kind: [{"name": "x", "start": 0, "route": route, size: 0.25}]})
            assert "“x”" in market_in_words(one)[-1]
            assert re.search(r"1\.25|0\.75|25 %|\+0\.25", market_in_words(one)[-1])


def test_the_report_names_the_mechanisms() -> None:
    """The page's grounds say what `check` says, in HTML."""
    page = assumptions(parse(EVERY_MECHANISM), report_words("en"))
    for said in ("Satisfaction, five levels", "Links:", "Word of mouth", "Surveys:", "copycat", "Seasons", "saturates"):
        assert said in page
    assert "points of employee satisfaction gained each month" in page


def test_who_is_there_who_comes_and_who_grows_in_words() -> None:
    """Ages that are assumed are marked; growth is told apart from selection, which is 1 where all are alike."""
    scenario = parse(
        {
            **small(law="contractual", period="year", periods=4),
            "segments": {
                "homes": {
                    "start": {"core": 300, "developing": {"count": 20, "age": 1}},
                    "births": {"prospect": {"first": 50, "growth": 0.1}, "unaware": [1, 2, 3, 4]},
                    "traits": {"purchase_rate": 2, "defection_rate": 0.1, "spend": 10},
                    "diffusion": {"innovation": 0.01, "imitation": 0.3},
                    "growth": {"after": [1, 3], "amount": [1.5, 3], "purchase_rate": [1, 1.2]},
                }
            },
        }
    )
    text = " ".join(describe(scenario, build(scenario)).split()).replace("\u202f", " ")
    for said in (
        "In “homes” 300 seen as core are of those won 2 years ago (assumed: the fewest in which a usual customer",
        "20 seen as developing are of those won 1 year ago: with the traits of who gets there.",
        "50 prospects appear in the first year, and 10 % more each year.",
        "10 unaware people appear over 4 years, 1 to 4 a year as listed.",
        "is won each year with a chance of 1 % plus 30 % times the share of its people who were ever won (Bass)",
        "1.5 times the amount from 1 year on, 3 times the amount and 1.2 times the rate from 3 years on",
        "In year 4 a customer still seen brings 3.6 times the revenue of the first year: 3.6 times by growth, 1 times",
    ):
        assert said in text, said


def test_where_silence_hides_who_left_it_is_not_said_that_they_stay() -> None:
    """Alike customers who leave unseen: those still seen bring less for that; a price cut is a share of the ungrown."""
    scenario = parse(
        {
            **small(period="quarter", periods=4),
            "segments": {
                "homes": {
                    "start": {"new": 300},
                    "traits": {"purchase_rate": 2, "defection_rate": 0.1, "spend": 30},
                    "growth": {"after": [1, 4], "amount": [1.2, 1.5]},
                }
            },
            "levers": {
                "cut": {
                    "targets": ["new", "core"],
                    "pays": "price",
                    "reference": 0,
                    "moves": {
                        "survival": {"without_money": 0.9, "unlimited_money": 0.99, "spend": 1.5, "brings": 0.92}
                    },
                }
            },
        }
    )
    text = " ".join(describe(scenario, build(scenario)).split()).replace("\u202f", " ")
    assert re.search(r"0\.\d+ times because some of those still seen have left in silence \(selection\)", text)
    assert "1.5 each is 2.5 % of the 60 that a customer of “homes” pays, before growing, in a usual quarter" in text
