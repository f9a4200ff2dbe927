"""Curves of marketing-mix models on levers: known answers put in by formula come out, and what cannot be is said."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from experiments.curves_to_levers import _effect_of, weeks_of
from experiments.firm import Firm
from sim.engine.response import response
from sim.errors import InputError
from sim.scenario.file import WEEKS_PER_PERIOD, load

MONTH = WEEKS_PER_PERIOD["month"]
WON = {"without_money": 0.005, "unlimited_money": 0.12, "spend": 0.5, "brings": 0.04}
MORE = {"without_money": 0.0, "unlimited_money": 0.6, "spend": 0.5, "brings": 0.25}
WRONG = {
    "offers": {"without_money": 0.005, "unlimited_money": 0.05, "spend": 0.5, "brings": 0.01},
    "letters": {"without_money": 0.0, "unlimited_money": 0.2, "spend": 0.5, "brings": 0.1},
}


def market(**changes: Any) -> dict[str, Any]:
    return {
        "name": "shop", "periods": 4, "discount_rate": 0.1, "terminal": "none", "margin": 0.5,
        "segments": {"all": {
            "start": {"new": 1000, "prospect": 8000},
            "traits": {"purchase_rate": 0.8, "defection_rate": 0.0001, "spend": 20.0},
        }},
        "levers": {
            "offers": {"targets": ["prospect"], "reference": 0.5, "moves": {"acquisition": WRONG["offers"]}},
            "letters": {"targets": ["new", "developing", "core"], "reference": 0.0,
                        "moves": {"purchase_rate": WRONG["letters"]}},
            "care": {"targets": ["new"], "reference": 0.1, "moves": {"survival": {
                "without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.887}}},
        },
    } | changes  # fmt: skip


def curve_of(firm: Firm, lever: str, moves: str, numbers: dict[str, float], money: np.ndarray) -> np.ndarray:
    stated = firm.scenario.levers[lever].moves[moves]
    return np.asarray(response(type(stated).model_validate({**stated.model_dump(), **numbers}), money))


def test_what_was_put_in_comes_out(tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """Weekly sales by formula: people won times a first purchase, and purchases of those there grown by a share.

    The learned curves are the true ones to a few per cent at money within the file, in ranges that hold them.
    """
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(market(), sort_keys=False))
    firm = Firm.open(tmp_path / "shop.yaml")
    money = np.array([0.1, 0.25, 0.5, 1.0, 2.0])
    won = 8000 * (curve_of(firm, "offers", "acquisition", WON, money) - WON["without_money"]) * 20
    more = 1000 * 0.8 * 20 * curve_of(firm, "letters", "purchase_rate", MORE, money)
    rows = [
        *(f"offers,{8000 * u / MONTH},{r / MONTH}" for u, r in zip(money, won, strict=True)),
        *(f"letters,{1000 * u / MONTH},{r / MONTH}" for u, r in zip(money, more, strict=True)),
        "care,100,50", "television,900,400",
    ]  # fmt: skip
    (tmp_path / "mmm.csv").write_text("channel,spend,response\n" + "\n".join(rows) + "\n")
    code, out, err = tenure("learn", "shop.yaml", "mmm.csv", "--per", "week", "-o", "learned.yaml")
    assert (code, err) == (0, "")
    out = " ".join(out.split())
    assert "mmm.csv: care, 100 at most, is left out: it moves survival, which the sales of the same period" in out
    assert "television, 900 at most, is left out: no lever is called so (there are offers, letters, care)" in out
    assert "its intervals are not read: taken as half to twice what money brings" in out
    learned = load(tmp_path / "learned.yaml")
    for lever, moves, numbers in (("offers", "acquisition", WON), ("letters", "purchase_rate", MORE)):
        right = curve_of(firm, lever, moves, numbers, money)
        found = np.asarray(response(learned.levers[lever].moves[moves], money))
        assert found - found[0] == pytest.approx(right - right[0], rel=0.05, abs=0.02 * right[-1]), lever
        assert not np.allclose(right, curve_of(firm, lever, moves, WRONG[lever], money), rtol=0.3)
    ranges = {each.path.removeprefix("levers."): each for each in learned.uncertain}
    at = ranges["offers.moves.acquisition.unlimited_money"]
    assert at.low < WON["unlimited_money"] < at.high
    assert {each.source for each in learned.evidence} == {"answered"}


def test_what_cannot_be_is_one_line(tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]) -> None:
    content = market()
    content["levers"]["cut"] = {"targets": ["prospect"], "pays": "price", "reference": 0.0,
                                "moves": {"acquisition": {**WON, "without_money": 0.0}}}  # fmt: skip
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (tmp_path / "cut.csv").write_text("channel,spend,response\ncut,0,0\ncut,100,50\n")
    (tmp_path / "answers.csv").write_text("lever,moves,at,value\noffers,acquisition,0.5,0.01\n")
    (tmp_path / "mmm.csv").write_text("channel,spend,response\ncare,100,50\ntv,3,4\n")
    (tmp_path / "weeks.csv").write_text("channel,period,spend,response\noffers,1,100,50\noffers,2,100,60\n")
    for words, said in (
        (("mmm.csv",), "mmm.csv: holds curves of money and sales; say of what time they are, such as --per week"),
        (("mmm.csv", "--per", "fortnight"), "--per fortnight: expected week, month, quarter, year, or a number of"),
        (("mmm.csv", "--per", "week"), "call a lever as its channel, with one effect that sales show"),
        (("weeks.csv", "--per", "week"), "has curves of 2 periods; a lever has one"),
        (("cut.csv", "--per", "week"), "cut, 100 at most, is left out: it is `pays: price`, and a channel's money is"),
        (("answers.csv", "--per", "week"), "--per week: says of what time curves are, and no file holds curves"),
    ):
        code, out, err = tenure("learn", "shop.yaml", *words, "-o", "learned.yaml")
        assert (code, out, err.count("\n")) == (2, "", 1), (words, err)
        assert said in err, err
    assert not (tmp_path / "learned.yaml").exists()


@pytest.mark.parametrize(("said", "weeks"), [("week", 1.0), ("104 weeks", 104.0), ("2.5 weeks", 2.5), ("month", MONTH)])
def test_times_are_read(said: str, weeks: float) -> None:
    assert weeks_of(said) == weeks
    for wrong in ("0 weeks", "² weeks", "1.5.5", "inf", "-2", ""):
        with pytest.raises(InputError, match="expected week, month"):
            weeks_of(wrong)


def test_which_levers_a_channel_cannot_be() -> None:
    """Terms, several effects, effects that come later, curves by segment; one effect that sales show is one."""

    def lever(*moves: str, pays: str = "budget", own: tuple[str, ...] = ()) -> Any:
        by_segment = {each: SimpleNamespace(moves={each: 1}) for each in own}
        return SimpleNamespace(pays=pays, moves=dict.fromkeys(moves, 1), by_segment=by_segment)

    levers = {
        "cut": lever("amount", pays="price"), "both": lever("amount", "purchase_rate"), "care": lever("survival"),
        "parts": lever("amount", own=("amount",)), "tv": lever("acquisition", own=("survival",)),
    }  # fmt: skip
    twin: Any = SimpleNamespace(scenario=SimpleNamespace(levers=levers))
    assert {name: _effect_of(twin, name) for name in (*levers, "radio")} == {
        "cut": "it is `pays: price`, and a channel's money is marketing money",
        "both": "it moves amount, purchase_rate, and sales do not tell which brought them",
        "care": "it moves survival, which the sales of the same period do not show",
        "parts": "segments have curves of their own, and the file has one for all",
        "tv": ("tv", "acquisition", ""),
        "radio": "no lever is called so (there are cut, both, care, parts, tv)",
    }
