"""Writes the commented ``scenario.yaml`` that calibration starts a user with.

What the data say (laws, cut-offs) is written as fitted; what they cannot say (prospects, margin, responses) is
written as a manager's assumption and marked so. Money in the assumptions is scaled to the firm's mean purchase.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import yaml

from sim.customers.calibration import GammaGamma, ParetoNBD
from sim.customers.segmentation import CycleAmountCutoffs, segment_by_cycle_and_amount
from sim.purchases.base import PurchaseSummary
from sim.scenario.file import WEEKS_PER_PERIOD

__all__ = ["Calibrated", "calibrated", "scenario_text"]


@dataclass(frozen=True)
class Calibrated:
    """What calibration found: the laws, and where segments end."""

    pareto_nbd: ParetoNBD
    gamma_gamma: GammaGamma
    cutoffs: CycleAmountCutoffs
    customers: int
    as_of: date


_LEVERS = """\
levers:
  awareness:            # assumption: advertising that makes the unaware identify themselves
    targets: [unaware]
    reference: {awareness}     # money per unaware person per month today
    moves:
      awareness:        # chance per month to become a prospect
        {{without_money: 0.001, unlimited_money: 0.008, spend: {awareness}, brings: 0.002}}
  acquisition:          # assumption: offers that win a prospect's first purchase
    targets: [prospect]
    reference: {acquisition}
    moves:
      acquisition:      # chance per month of a first purchase
        {{without_money: 0.004, unlimited_money: 0.05, spend: {acquisition}, brings: 0.0175}}
  development:          # assumption: cross-selling to customers who are buying
    targets: [new, developing, core]
    reference: {development}
    moves:
      purchase_rate:    # relative gain in purchases
        {{without_money: 0.0, unlimited_money: 0.12, spend: {development}, brings: 0.04}}
  retention:            # assumption: service and care that keep a typical customer
    targets: [new, developing, core, declining]
    reference: {retention}
    moves:
      survival:         # chance per month that a typical customer stays
        {{without_money: 0.90, unlimited_money: 0.955, spend: {retention}, brings: 0.93}}
  winback:              # assumption: letters to the silent; some of them never left
    targets: [declining, lapsed]
    reference: 0.0      # not done today
    moves:
      reactivation:     # chance per month that one who had left returns with a purchase
        {{without_money: 0.0, unlimited_money: 0.03, spend: {winback}, brings: 0.01}}
"""

_SHARES: Mapping[str, float] = {
    "awareness": 0.0006, "acquisition": 0.01, "development": 0.005, "retention": 0.005, "winback": 0.01
}  # fmt: skip
"""Assumed intensity of each lever as a share of the mean purchase."""


def calibrated(model: ParetoNBD, spend: GammaGamma, everyone: PurchaseSummary) -> Calibrated:
    """Return the calibrated laws with the segments' cut-offs: tertiles of the posterior means."""
    _, cutoffs = segment_by_cycle_and_amount(
        model.mean_purchase_rate(everyone.frequency, everyone.recency, everyone.age),
        spend.conditional_mean_spend(everyone.purchases, everyone.mean_amount_all),
    )
    return Calibrated(model, spend, cutoffs, len(everyone), everyone.end)


def scenario_text(found: Calibrated, *, name: str, base_file: str, currency: str) -> str:
    """Return the text of a scenario file for a calibrated base, with its assumptions explained."""
    money = {lever: _round(share * found.gamma_gamma.mean_spend(), 2) for lever, share in _SHARES.items()}
    model, spend, cuts = found.pareto_nbd, found.gamma_gamma, found.cutoffs
    month = WEEKS_PER_PERIOD["month"]
    amounts = f"{{p: {_round(spend.p)}, q: {_round(spend.q)}, gamma: {_round(spend.gamma)}}}"
    per_week = (
        f"{{r: {_round(model.r)}, alpha: {_round(model.alpha)}, s: {_round(model.s)}, beta: {_round(model.beta)}}}"
    )
    cycles = [_round(cuts.short_cycle, 4), _round(cuts.long_cycle, 4)]
    sizes = [_round(cuts.small_amount, 4), _round(cuts.large_amount, 4)]
    return f"""\
# A scenario of Tenure. Lines marked "fitted" come from the purchases; lines marked "assumption" are a manager's
# answers that the purchases cannot give: put your own in their place. `tenure check` reads it back in words.
name: {_scalar(name)}
currency: {_scalar(currency)}
period: month
periods: 24
discount_rate: 0.10     # per year; assumption
terminal: value-to-go   # what customers are worth after the horizon under today's spend counts
margin: 0.30            # margin rate on revenue; assumption
loss: 0.05              # silently gone customers lost for good per month; assumption
stages: {{core: 4, declining: 3, lapsed: 6}}   # purchases; silent months; silent months

base:
  file: {_scalar(base_file)}
  as_of: {found.as_of.isoformat()}
  pareto_nbd: {per_week}   # fitted, per week
  gamma_gamma: {amounts}   # fitted, money per purchase
  cycle_cutoffs: {cycles}    # weeks between purchases: tertiles of posterior means
  amount_cutoffs: {sizes}   # money per purchase: tertiles of posterior means

segments:
  new customers:        # everybody who is won from now on
    start:
      unaware: {_round(2.0 * found.customers, 2):.0f}    # people who could buy and do not know the firm; assumption
      prospect: {_round(0.5 * found.customers, 2):.0f}   # known to the firm, never bought; assumption
    traits:             # as the firm's customers so far: fitted, per month
      purchase_rate: {{shape: {_round(model.r)}, rate: {_round(model.alpha / month)}}}
      defection_rate: {{shape: {_round(model.s)}, rate: {_round(model.beta / month)}}}
      spend: {amounts}

# Every response is neutral at the reference, the spend under which the purchases were made.
{_LEVERS.format(**money)}
rules:
  # budget: 100000      # money over the horizon; without it, what today's spend costs
  period_share: {_round(2 / 24, 4)}  # no month more than twice the average
  levers:               # shares of the budget
    awareness: {{floor: 0.05, cap: 0.5}}
    acquisition: {{floor: 0.10, cap: 0.7}}
    development: {{cap: 0.5}}
    retention: {{cap: 0.6}}
    winback: {{cap: 0.3}}
"""


def _scalar(text: str) -> str:
    """Return ``text`` as YAML, quoted where plain YAML would read something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_. -]*[A-Za-z0-9]", text) and isinstance(yaml.safe_load(text), str)
    return text if plain else json.dumps(text)


def _round(value: float, digits: int = 5) -> float:
    """Return ``value`` to significant digits, so that files agree across machines."""
    if value == 0 or not np.isfinite(value):
        return float(value)
    return float(round(value, digits - 1 - math.floor(math.log10(abs(value)))))
