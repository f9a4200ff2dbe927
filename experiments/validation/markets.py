"""Published values of customers and optimal budgets, each stated as a scenario and asked of a firm.

Sources: Blattberg & Deighton, Harvard Business Review 74(4), 1996, and Pfeifer, Journal of Targeting 13(2), 2005
(customer equity); Pfeifer & Carraway, Journal of Interactive Marketing 14(2), 2000 (recency chain); Rust, Lemon &
Zeithaml, Journal of Marketing 68(1), 2004 (brand switching); Gupta & Lehmann, Journal of Interactive Marketing 17(1),
2003 (margin multiple); Berger & Nasr, Journal of Interactive Marketing 12(1), 1998 (case 1).
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from experiments.firm import Firm
from optimizer.ask.rows import as_today
from sim.arrays import Floats
from sim.customers.published import PublishedFigure
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import follow
from sim.history import History

__all__ = [
    "BRANDS", "BUYS", "CLOSED_FORMS", "CUSTOMER_EQUITY", "DISCOUNT", "EQUITY", "FOR_EVER", "HORIZONS_0_TO_4", "MAILING",
    "MARGIN", "OPTIMAL_MAIL", "RECENCY", "STATES", "STOP_AT", "EquityCase", "brand_figures", "by_start",
    "closed_form_figures", "equity_figures", "equity_test", "mail_figures", "mailed", "recency_chain",
    "recency_figures", "stop_at",
]  # fmt: skip

PEOPLE = 1000

# --- Customer equity: how much to spend on winning and on keeping -----------------------------------------------------


class EquityCase(NamedTuple):
    """Spend, rate and ceiling of winning and of keeping; margin and discount; published best spends and values."""

    spend: float
    rate: float
    ceiling: float
    keep: float
    kept: float
    top: float
    margin: float
    discount: float
    best_winning: str
    best_keeping: str
    value: str
    now: str


CUSTOMER_EQUITY = {
    "Blattberg & Deighton 1996": EquityCase(
        5, 0.20, 0.40, 8, 0.40, 0.70, 50, 0.12, "10.078", "15.933", "11.8756", "8.3333"
    ),
    "Pfeifer 2005": EquityCase(6, 0.25, 0.45, 10, 0.50, 0.80, 60, 0.10, "14.204", "22.170", "28.8499", "17.3333"),
}
EQUITY = tuple(
    figure
    for name, case in CUSTOMER_EQUITY.items()
    for figure in (
        PublishedFigure(f"{name}: best spend on winning", "", case.best_winning, relative=2e-3),
        PublishedFigure(f"{name}: best spend on keeping", "", case.best_keeping, relative=2e-3),
        PublishedFigure(f"{name}: value of a prospect", "", case.value, relative=1e-4),
        PublishedFigure(f"{name}: value of a prospect now", "", case.now, relative=1e-4),
    )
)


def equity_test(case: EquityCase, keeping: float, winning: float = 0.0) -> dict[str, Any]:
    """Return the customer equity test for one year, then for ever at ``keeping`` a customer: prospects asked once."""
    curve = {"without_money": 0.0, "unlimited_money": case.ceiling, "spend": case.spend, "brings": case.rate}
    stay = {"without_money": 0.0, "unlimited_money": case.top, "spend": case.keep, "brings": case.kept}
    kept = case.top * (1 - (1 - case.kept / case.top) ** (keeping / case.keep))
    traits = {"purchase_rate": 1, "defection_rate": -math.log(kept), "spend": case.margin}
    return {
        "name": "customer equity test", "period": "year", "periods": 1, "discount_rate": case.discount,
        "law": "renewal",
        "segments": {"a": {"start": {"prospect": PEOPLE, "new": PEOPLE}, "traits": traits}},
        "levers": {
            "winning": {"targets": ["prospect"], "reference": winning, "moves": {"acquisition": curve}},
            "keeping": {
                "targets": ["new", "developing", "core", "declining"], "reference": keeping,
                "moves": {"survival": stay},
            },
        },
    }  # fmt: skip


def equity_figures() -> Mapping[str, float]:
    """Return the optimiser's spends and values, and the value under today's spends."""
    found: dict[str, float] = {}
    for name, case in CUSTOMER_EQUITY.items():
        firm = Firm.of(equity_test(case, float(case.best_keeping)))
        plan = firm.optimize(budget=200.0 * PEOPLE, bound_steps=0, threads=1)
        at = firm.targets.stages.index
        idle = follow(firm.chain, as_today(firm.chain)).asset  # without winning, prospects bring nothing
        found |= {
            f"{name}: best spend on winning": float(plan.intensity[0, 0, at("prospect"), 0]),
            f"{name}: best spend on keeping": float(plan.intensity[0, 0, at("new"), 1]),
            f"{name}: value of a prospect": (plan.asset - idle) / PEOPLE,
            f"{name}: value of a prospect now": _value_now(case),
        }
    return found


def _value_now(case: EquityCase) -> float:
    """Return what a prospect is worth under today's spends, asked in the first year alone."""
    chain = Firm.of(equity_test(case, case.keep, case.spend)).chain
    today = as_today(chain)
    idle = today.copy()
    idle[..., 0] = 0
    once = replace(chain, targets=replace(chain.targets, reference=idle[0]))
    return (follow(once, today).asset - follow(once, idle).asset) / PEOPLE


# --- A mailing list by recency ----------------------------------------------------------------------------------------

BUYS = (0.3, 0.2, 0.15, 0.05)
MARGIN, MAILING, DISCOUNT = 40.0, 4.0, 0.2
STATES = ("recency 1", "recency 2", "recency 3", "recency 4", "former")
HORIZONS_0_TO_4 = ("50.115", "4.220", "0.592", "-1.980", "0.000")
FOR_EVER = ("52.320", "5.554", "1.251", "-1.820", "0.000")
STOP_AT = {4: ("53.149", "6.621", "2.644", "0.000"), 3: ("51.574", "4.596", "0.000"), 2: ("48.000", "0.000")}
LONG = 120
"""Years that stand for ever: what is later counts a thousand-millionth."""


def _of_states(what: str, values: tuple[str, ...]) -> tuple[PublishedFigure, ...]:
    return tuple(
        PublishedFigure(f"{what}, {state}", "", value, absolute=5e-4)
        for state, value in zip(STATES, values, strict=False)
    )


RECENCY = (
    *_of_states("years 0 to 4", HORIZONS_0_TO_4),
    *_of_states("for ever", FOR_EVER),
    *(
        figure
        for recency, values in STOP_AT.items()
        for figure in _of_states(f"mail stops at recency {recency}", values)
    ),
)
OPTIMAL_MAIL = (
    PublishedFigure("recency at which mail stops", "4"),
    PublishedFigure("value of five customers, one of each state", "", "62.414", absolute=1e-3),
)


def mailed() -> list[list[float]]:
    """Return the moves of a customer who is mailed: buys, or waits a year longer; former customers stay away."""
    moves = [[0.0] * 5 for _ in range(5)]
    for i, p in enumerate(BUYS):
        moves[i][0], moves[i][i + 1] = p, 1 - p
    moves[4][4] = 1.0
    return moves


def recency_chain(periods: int = LONG, customers: float = 1.0, **changes: Any) -> dict[str, Any]:
    """Return the scenario: a segment for each state to start from. A purchase is earned in the state it leads to."""
    reward = [MARGIN, 0.0, 0.0, 0.0, 0.0]
    return {
        "name": "recency chain",
        "period": "year",
        "periods": periods,
        "discount_rate": DISCOUNT,
        "terminal": "none",
        "chain": {
            "states": list(STATES),
            "lever": "mail",
            "actions": [
                {"spend": 0.0, "moves": [[0, 0, 0, 0, 1]] * 5, "reward": reward},
                {"spend": MAILING, "moves": mailed(), "reward": reward},
            ],
        },
        "segments": {f"from {state}": {"start": {state: customers}} for state in STATES},
        "rules": {"budget": 1e6 * customers},
        **changes,
    }


def stop_at(recency: int, periods: int) -> Floats:
    """Return the intensities that mail customers of a recency below ``recency``."""
    mail = np.array([MAILING if i + 1 < recency else 0.0 for i in range(5)])
    return np.broadcast_to(mail[None, None, :, None], (periods, 5, 5, 1)).copy()


def by_start(history: History) -> Floats:
    """Return the value of each segment, per customer."""
    factors = (1 + DISCOUNT) ** -np.arange(float(history.periods))
    profit = history.reward.sum(axis=2) - history.spend.sum(axis=(2, 3))
    return np.asarray(factors @ profit / history.customers[0].sum(axis=1))


def recency_figures() -> Mapping[str, float]:
    """Return the values of customers by recency under each way to mail, in expected numbers."""
    found: dict[str, float] = {}
    always = len(STATES)
    ways = [("years 0 to 4", always, 5), ("for ever", always, LONG)]
    for what, stop, periods in [*ways, *((f"mail stops at recency {each}", each, LONG) for each in STOP_AT)]:
        values = by_start(expected_history(Firm.of(recency_chain(periods)).chain, stop_at(stop, periods)))
        found |= {f"{what}, {state}": float(value) for state, value in zip(STATES, values, strict=True)}
    return found


def mail_figures() -> Mapping[str, float]:
    """Return where the optimiser's plan stops to mail, and what it is worth."""
    plan = Firm.of(recency_chain(customers=float(PEOPLE))).optimize(threads=1)
    written = [state for state in range(len(STATES)) if plan.intensity[0, state, state, 0] > 0]
    return {
        "recency at which mail stops": float(len(written) + 1),
        "value of five customers, one of each state": plan.asset / PEOPLE,
    }


# --- Switching brands -------------------------------------------------------------------------------------------------

BRANDS = (PublishedFigure("lifetime value of who bought ours last", "", "78.867", absolute=5e-4),)


def brand_figures() -> Mapping[str, float]:
    """Return the value over seven purchases, two a year: spend 100, margin 20 %, 12 % a year."""
    moves = [[0.8, 0.2], [0.3, 0.7]]
    actions = [{"spend": spend, "moves": moves, "reward": [0.2 * 100, 0]} for spend in (0, 1)]
    firm = Firm.of(
        {
            "name": "brand switching", "period": "year", "periods": 7, "terminal": "none",  # a period is half a year
            "discount_rate": math.sqrt(1.12) - 1,
            "chain": {"states": ["ours", "another"], "lever": "none", "actions": actions},
            "segments": {"ours last": {"start": {"ours": moves[0][0] * PEOPLE, "another": moves[0][1] * PEOPLE}}},
        }
    )  # fmt: skip
    return {BRANDS[0].key: follow(firm.chain, as_today(firm.chain)).asset / PEOPLE}


# --- Closed forms of retention ----------------------------------------------------------------------------------------

MULTIPLES = {0.6: "1.15", 0.7: "1.67", 0.8: "2.50", 0.9: "4.09"}
CLOSED_FORMS = (
    PublishedFigure("margin 80, 84 % stay, 12 %: value of a customer", "240", "240", absolute=0.01),
    PublishedFigure("margin 80, 84 % stay, 12 %: elasticity of retention", "4", "4", absolute=0.01),
    *(PublishedFigure(f"margin multiple, {stay:.0%} stay, 12 %", multiple) for stay, multiple in MULTIPLES.items()),
    PublishedFigure("Berger & Nasr case 1", "", "568.78", absolute=5e-3),
)


def _retained(stay: float, discount: float, years: int = 0) -> float:
    """Return what a customer who pays 1 at each year's end while staying is worth; for ever if no years are named."""
    traits = {"purchase_rate": 1, "defection_rate": -math.log(stay), "spend": 1}
    nothing = {"without_money": stay - 1e-12, "unlimited_money": stay + 1e-6, "spend": 1e-9, "brings": stay}
    firm = Firm.of(
        {
            "name": "retained", "period": "year", "periods": years or 1, "discount_rate": discount, "law": "renewal",
            "terminal": "none" if years else "value-to-go",
            "segments": {"a": {"start": {"new": PEOPLE}, "traits": traits}},
            "levers": {"nothing": {"targets": ["new", "developing", "core", "declining"], "reference": 1e-9,
                                   "moves": {"survival": nothing}}},
        }
    )  # fmt: skip
    return follow(firm.chain, as_today(firm.chain)).asset / PEOPLE / (1 + discount)  # paid when the year begins there


def closed_form_figures() -> Mapping[str, float]:
    """Return values of retained customers, as the twin has them."""
    near = 1e-4
    up, down = (_retained(0.84 * (1 + each), 0.12) for each in (near, -near))
    flow = _retained(0.75, 0.2, 10)
    return {
        "margin 80, 84 % stay, 12 %: value of a customer": 80 * _retained(0.84, 0.12),
        "margin 80, 84 % stay, 12 %: elasticity of retention": math.log(up / down) / math.log((1 + near) / (1 - near)),
        **{f"margin multiple, {stay:.0%} stay, 12 %": _retained(stay, 0.12) for stay in MULTIPLES},
        "Berger & Nasr case 1": 260 * (1 + flow) - 50 * flow * math.sqrt(1.2) / 0.75,
    }
