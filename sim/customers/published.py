"""Published figures of the CDNOW purchases, what a careful recomputation gives, and how they are computed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from sim.customers.calibration import fit_bg_nbd, fit_gamma_gamma, fit_pareto_nbd, holdout
from sim.customers.purchase_models import BGNBD, ParetoNBD
from sim.purchases.base import CustomerBase

__all__ = [
    "CDNOW_CALIBRATION_END",
    "CDNOW_END",
    "CDNOW_SOURCE",
    "PUBLISHED_CDNOW",
    "PublishedFigure",
    "cdnow_figures",
]

CDNOW_CALIBRATION_END = date(1997, 9, 30)
CDNOW_END = date(1998, 6, 30)


@dataclass(frozen=True)
class PublishedFigure:
    """One published number, what a careful recomputation gives, and how near a computed one must come.

    Attributes
    ----------
    key : str
        The figure's name in ``cdnow_figures``.
    printed, recomputed : str
        As printed in the source, and recomputed, digits kept; empty where there is none.
    absolute, relative : float
        Tolerance around ``recomputed``; with both 0 the computed figure must round to it.
    """

    key: str
    printed: str
    recomputed: str = ""
    absolute: float = 0.0
    relative: float = 0.0

    @property
    def published(self) -> float:
        """Return the printed figure, or where none is printed the recomputed one."""
        return float(self.printed or self.recomputed)

    @property
    def tolerance(self) -> float:
        """Return how far from ``published`` a figure may be: what the last printed digit leaves open, or as stated."""
        if self.printed or not (self.absolute or self.relative):
            return 0.5 * 10.0 ** -len((self.printed or self.recomputed).partition(".")[2])
        return self.absolute + self.relative * abs(float(self.recomputed))

    def agrees(self, computed: float) -> bool:
        """Return whether a figure rounds to the printed one and is within the tolerance of the recomputed one."""
        if self.printed and not _rounds_to(computed, self.printed):
            return False
        if not self.recomputed:
            return True
        if self.absolute or self.relative:
            target = float(self.recomputed)
            return abs(computed - target) <= self.absolute + self.relative * abs(target)
        return _rounds_to(computed, self.recomputed)


def _rounds_to(computed: float, digits: str) -> bool:
    return round(computed, len(digits.partition(".")[2])) == float(digits)


def _parameters(model: str, **values: tuple[str, str]) -> tuple[PublishedFigure, ...]:
    return tuple(PublishedFigure(f"{model} {name}", *pair, relative=0.002) for name, pair in values.items())


CDNOW_SOURCE = (
    "Fader, Hardie & Lee, Marketing Science 24(2), 2005, and (spend, discounted transactions) Journal of Marketing "
    "Research 42, 2005: CDNOW, 1/10 sample, 2,357 customers, 39 weeks fitted, 39 held out"
)
PUBLISHED_CDNOW: tuple[PublishedFigure, ...] = (
    *_parameters("BG/NBD", r=(".243", ".2426"), alpha=("4.414", "4.4135"), a=(".793", ".7929"), b=("2.426", "2.4258")),
    PublishedFigure("BG/NBD log-likelihood", "-9582.4", "-9582.43", absolute=0.01),
    *_parameters(
        "Pareto/NBD", r=(".553", ".5533"), alpha=("10.578", "10.5776"), s=(".606", ".6062"), beta=("11.669", "11.6679")
    ),
    PublishedFigure("Pareto/NBD log-likelihood", "-9595.0", "-9594.97", absolute=0.01),
    *_parameters("gamma-gamma", p=("6.25", "6.249"), q=("3.74", "3.745"), gamma=("15.44", "15.448")),
    PublishedFigure("gamma-gamma log-likelihood", "", "-4055.92", absolute=0.01),
    PublishedFigure("gamma-gamma mean spend", "", "35.17"),
    PublishedFigure("BG/NBD error of cumulative repeat purchases at week 78, %", "-4", "-4.1"),
    PublishedFigure("Pareto/NBD error of cumulative repeat purchases at week 78, %", "-2", "-1.6"),
    PublishedFigure("BG/NBD correlation with actual holdout", ".626", ".6256"),
    PublishedFigure("Pareto/NBD correlation with actual holdout", ".630", ".6302"),
    PublishedFigure("no repeat purchase: customers", "1411"),
    PublishedFigure("no repeat purchase: holdout purchases", "334"),
    PublishedFigure("no repeat purchase: mean actual", ".24", ".237"),
    PublishedFigure("no repeat purchase: mean BG/NBD", ".23", ".225"),
    PublishedFigure("no repeat purchase: mean Pareto/NBD", ".14", ".138"),
    PublishedFigure("3 repeat purchases: customers", "100"),
    PublishedFigure("3 repeat purchases: mean actual", "1.56"),
    PublishedFigure("3 repeat purchases: mean BG/NBD", "1.52"),
    PublishedFigure("3 repeat purchases: mean Pareto/NBD", "1.71"),
    PublishedFigure("BG/NBD weekly MAPE of weeks 40-78, %", "", "2.63"),
    PublishedFigure("Pareto/NBD weekly MAPE of weeks 40-78, %", "", "1.31"),
    PublishedFigure("Pareto/NBD discounted expected transactions, 10 % a year", "4.8", "4.814"),
)
"""Published CDNOW figures; ``CDNOW_SOURCE`` names the papers."""


def cdnow_figures(base: CustomerBase) -> Mapping[str, float]:
    """Return the computed figure for every key of ``PUBLISHED_CDNOW``, from a base of the CDNOW purchases."""
    summary = base.summarise(CDNOW_CALIBRATION_END, sample_only=True)
    bg, pareto, spend = fit_bg_nbd(summary), fit_pareto_nbd(summary), fit_gamma_gamma(summary)
    used = (summary.frequency > 0) & (summary.mean_spend > 0)
    spend_fit = spend.log_likelihood(summary.frequency[used], summary.mean_spend[used]).sum()
    figures = {f"gamma-gamma {name}": value for name, value in vars(spend).items()}
    figures |= {"gamma-gamma log-likelihood": float(spend_fit), "gamma-gamma mean spend": spend.mean_spend()}
    models: tuple[tuple[str, BGNBD | ParetoNBD], ...] = (("BG/NBD", bg), ("Pareto/NBD", pareto))
    for name, model in models:
        fit = model.log_likelihood(summary.frequency, summary.recency, summary.age).sum()
        check = holdout(model, base, summary, CDNOW_END)
        figures |= {f"{name} {parameter}": value for parameter, value in vars(model).items()}
        figures |= {
            f"{name} log-likelihood": float(fit),
            f"{name} error of cumulative repeat purchases at week 78, %": 100 * check.cumulative_error,
            f"{name} correlation with actual holdout": check.correlation,
            f"{name} weekly MAPE of weeks 40-78, %": 100 * check.weekly_mape,
        }
        for repeats, group in ((0, "no repeat purchase"), (3, "3 repeat purchases")):
            figures |= {
                f"{group}: customers": float(check.class_customers[repeats]),
                f"{group}: holdout purchases": float(check.class_purchases[repeats]),
                f"{group}: mean actual": float(check.class_actual[repeats]),
                f"{group}: mean {name}": float(check.class_predicted[repeats]),
            }
    yearly = float(np.log(1.1)) / 52
    figures["Pareto/NBD discounted expected transactions, 10 % a year"] = pareto.discounted_expected_transactions(
        yearly
    )
    return {figure.key: figures[figure.key] for figure in PUBLISHED_CDNOW}
