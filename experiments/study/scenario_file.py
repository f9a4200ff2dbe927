"""The part of a commented ``scenario.yaml`` that the purchases tell: laws and cut-offs, each marked as fitted."""

import json
import math
import re
from dataclasses import dataclass
from datetime import date

import numpy as np
import yaml

from sim.customers.calibration import GammaGamma, ParetoNBD
from sim.customers.segmentation import CycleAmountCutoffs, segment_by_cycle_and_amount
from sim.purchases.base import PurchaseSummary
from sim.scenario.file import WEEKS_PER_PERIOD, Thresholds

__all__ = ["MONTH", "PERIODS", "STAGES", "Calibrated", "calibrated", "fitted_text", "rounded", "scalar", "traits_text"]


@dataclass(frozen=True)
class Calibrated:
    """What calibration found: the laws, and where segments end."""

    pareto_nbd: ParetoNBD
    gamma_gamma: GammaGamma
    cutoffs: CycleAmountCutoffs
    customers: int
    as_of: date


PERIODS = 24
MONTH = WEEKS_PER_PERIOD["month"]
STAGES = Thresholds()
"""When a customer of a calibrated base counts as core, declining, lapsed."""


def calibrated(model: ParetoNBD, spend: GammaGamma, everyone: PurchaseSummary) -> Calibrated:
    """Return the calibrated laws with the segments' cut-offs: tertiles of the posterior means."""
    _, cutoffs = segment_by_cycle_and_amount(
        model.mean_purchase_rate(everyone.frequency, everyone.recency, everyone.age),
        spend.conditional_mean_spend(everyone.purchases, everyone.mean_amount_all),
    )
    return Calibrated(model, spend, cutoffs, len(everyone), everyone.end)


def fitted_text(found: Calibrated, *, name: str, base_file: str, currency: str, margin: str) -> str:
    """Return a scenario file's text from its name to its base; ``margin`` with where it comes from."""
    model, cuts = found.pareto_nbd, found.cutoffs
    per_week = (
        f"{{r: {rounded(model.r)}, alpha: {rounded(model.alpha)}, s: {rounded(model.s)}, beta: {rounded(model.beta)}}}"
    )
    cycles = [rounded(cuts.short_cycle, 4), rounded(cuts.long_cycle, 4)]
    sizes = [rounded(cuts.small_amount, 4), rounded(cuts.large_amount, 4)]
    stages = ", ".join(f"{stage}: {number}" for stage, number in STAGES.model_dump().items())
    return f"""\
# A scenario of Tenure. Lines marked "fitted" come from the purchases; lines marked "assumption" are a manager's
# answers that the purchases cannot give: put your own in their place. `tenure check` reads it back in words.
name: {scalar(name)}
currency: {scalar(currency)}
period: month
periods: {PERIODS}
discount_rate: 0.10     # per year; assumption
terminal: value-to-go   # what customers are worth after the horizon under today's spend counts
margin: {margin}
loss: 0.05              # silently gone customers lost for good per month; assumption
stages: {{{stages}}}   # purchases; silent months; silent months

base:
  file: {scalar(base_file)}
  as_of: {found.as_of.isoformat()}
  pareto_nbd: {per_week}   # fitted, per week
  gamma_gamma: {_amounts(found)}   # fitted, money per purchase
  cycle_cutoffs: {cycles}    # weeks between purchases: tertiles of posterior means
  amount_cutoffs: {sizes}   # money per purchase: tertiles of posterior means
"""


def traits_text(found: Calibrated) -> str:
    """Return the traits of people who are yet to be won: those of the customers so far."""
    model = found.pareto_nbd
    return f"""\
    traits:             # as the firm's customers so far: fitted, per month
      purchase_rate: {{shape: {rounded(model.r)}, rate: {rounded(model.alpha / MONTH)}}}
      defection_rate: {{shape: {rounded(model.s)}, rate: {rounded(model.beta / MONTH)}}}
      spend: {_amounts(found)}
"""


def _amounts(found: Calibrated) -> str:
    spend = found.gamma_gamma
    return f"{{p: {rounded(spend.p)}, q: {rounded(spend.q)}, gamma: {rounded(spend.gamma)}}}"


def scalar(text: str) -> str:
    """Return ``text`` as YAML, quoted where plain YAML would read something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_. -]*[A-Za-z0-9]", text) and isinstance(yaml.safe_load(text), str)
    return text if plain else json.dumps(text)


def rounded(value: float, digits: int = 5) -> float:
    """Return ``value`` to significant digits, so that files agree across machines."""
    if value == 0 or not np.isfinite(value):
        return float(value)
    return float(round(value, digits - 1 - math.floor(math.log10(abs(value)))))
