"""The whole way on real purchases: base, fit, scenario, plan, simulation, comparison, tracking, report."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments.firm import Firm
from experiments.results.keep import Kept
from experiments.results.plans import Plan
from experiments.results.runs import Comparison
from experiments.study.illustrative import illustrative_text
from experiments.study.meanwhile import meanwhile
from experiments.study.scenario_file import calibrated
from experiments.study.without_prospects import WithoutProspects, without_prospects
from experiments.tracking.beside import sending_beside
from experiments.words.languages import checked_language
from sim.arrays import Step, quiet
from sim.customers.calibration import GammaGamma, ParetoNBD
from sim.customers.held_out import held_out
from sim.customers.published import CDNOW_CALIBRATION_END, CDNOW_END, PUBLISHED_CDNOW, cdnow_figures
from sim.errors import FolderError
from sim.files import writable_folder, write_text
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["Demo", "FitFigure", "demo", "demo_scenario"]

SCENARIO_FILE = "scenario.yaml"
BASE_FILE = "cdnow.duckdb"
REPLICATIONS = 20
POLICIES = ("as today", "no spend", "even split", "proportional to value", "acquisition first")
"""What the plan is compared with, the first also what all are: the same whatever else the catalogue holds."""


WEEKS_ALONE = "{who}, error of {what} in weeks 40-78 alone, %"


@dataclass(frozen=True)
class FitFigure:
    """One figure of the calibration, beside what was published."""

    name: str
    published: str | None
    computed: float


@dataclass(frozen=True, eq=False, repr=False)
class Demo:
    """Everything the demo found and made."""

    scenario: Scenario
    twin: Twin
    fit: tuple[FitFigure, ...]
    plan: Plan
    without: WithoutProspects | None
    comparison: Comparison
    scenario_path: Path
    kept_scenario: bool
    report: Path
    runs: Kept
    seconds: float

    def __repr__(self) -> str:
        return f"{self.comparison!r} {self.plan!r}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        figures = {figure.name: figure.computed for figure in self.fit}

        def of(model: str, *names: str) -> dict[str, float]:
            return {name.replace("-", "_"): figures[f"{model} {name}"] for name in names}

        return {
            "fit": {
                "pareto_nbd": of("Pareto/NBD", "r", "alpha", "s", "beta", "log-likelihood"),
                "gamma_gamma": of("gamma-gamma", "p", "q", "gamma"),
                "holdout": {
                    "cumulative_error": figures["Pareto/NBD error of cumulative repeat purchases at week 78, %"] / 100,
                    "weekly_mape": figures["Pareto/NBD weekly MAPE of weeks 40-78, %"] / 100,
                    "correlation": figures["Pareto/NBD correlation with actual holdout"],
                    "weeks_alone": {
                        key: {
                            what: figures[WEEKS_ALONE.format(who=who, what=what)] / 100
                            for what in ("purchases", "money")
                        }
                        for key, who in (("sample", "1/10 sample"), ("all", "all customers"))
                    },
                },
            },
            "policies": self.comparison.to_rows(),
            "odds": None if self.comparison.odds is None else self.comparison.odds.to_dict(),
            "decision": self.comparison.decision.to_dict(),
            "plan": [{key: row[key] for key in ("period", "target", "lever", "spend")} for row in self.plan.rows()],
            "bound": self.plan.bound,
            "lift_share": self.plan.lift_share,
            "gap": self.plan.gap,
            "without_prospects": None if self.without is None else self.without.to_dict(),
            "shadow_price": self.plan.shadow_price,
            "report": str(self.report),
            "tracking_uri": self.runs.tracking_uri,
            "seconds": self.seconds,
        }


def demo_scenario(base: CustomerBase) -> tuple[str, tuple[FitFigure, ...]]:
    """Return the text of the demo's scenario file, and the figures of its fit."""
    figures = cdnow_figures(base)
    published = {figure.key: figure.printed or figure.recomputed for figure in PUBLISHED_CDNOW}
    model = ParetoNBD(*(figures[f"Pareto/NBD {name}"] for name in ("r", "alpha", "s", "beta")))
    spend = GammaGamma(*(figures[f"gamma-gamma {name}"] for name in ("p", "q", "gamma")))
    found = calibrated(model, spend, base.summarise(CDNOW_CALIBRATION_END))
    text = illustrative_text(found, name="CDNOW", base_file=BASE_FILE, currency="USD")
    fit = tuple(
        FitFigure(key, published[key] or None, float(value)) for key, value in figures.items() if "BG" not in key
    )
    return text, fit + _weeks_alone(base, model, spend)


def _weeks_alone(base: CustomerBase, model: ParetoNBD, spend: GammaGamma) -> tuple[FitFigure, ...]:
    """Return how far the forecast of the held-out weeks alone is off, where the published figure is cumulative."""
    out = []
    for who, sample in (("1/10 sample", True), ("all customers", False)):
        found = held_out(model, spend, base, base.summarise(CDNOW_CALIBRATION_END, sample_only=sample), CDNOW_END)
        for what, forecast in (("purchases", found.purchases), ("money", found.money)):
            out.append(FitFigure(WEEKS_ALONE.format(who=who, what=what), None, 100 * forecast.error))
    return tuple(out)


def demo(
    folder: str | Path = ".",
    *,
    seed: int = 0,
    force: bool = False,
    lang: str = "en",
    threads: int | None = None,
    command: str = "",
    progress: Step | None = None,
) -> Demo:
    """Run everything once on 23,570 real customers: fit, simulate, optimise, compare, track, report.

    Writes scenario, customer base, MLflow store, report and plan in ``folder``, which is made if missing.

    Parameters
    ----------
    seed
        Which luck.
    force
        Whether to write the demo's scenario over an edited one, which is otherwise used as it is.
    lang
        Of the report: ``en``, or ``zh`` for Chinese.
    threads
        Results do not depend on it; None: one for each processor.
    command
        How it was asked; kept with the runs.

    Raises
    ------
    InputError
        If the report does not speak the language.
    FolderError
        If the folder cannot be written to.

    Examples
    --------
    >>> done = tenure.demo("first-look")
    >>> done.report.name
    'report.html'
    >>> done.plan.lift_share > 0.5
    True
    """
    step, lang = progress or quiet, checked_language(lang)
    began = time.perf_counter()
    folder = writable_folder(Path(folder))
    with sending_beside(folder):
        return _demo(folder, seed, force, lang, threads, command, step, began)


def _demo(
    folder: Path, seed: int, force: bool, lang: str, threads: int | None, command: str, step: Step, began: float
) -> Demo:
    step("Reading purchases")
    base_path = folder / BASE_FILE
    if base_path.exists() and not force:
        try:
            base = CustomerBase.open(base_path)
        except FolderError as error:
            raise FolderError(f"{error}; `force=True` makes it again") from None
    else:
        base = CustomerBase.create(base_path, CDNOW_PURCHASES)
    step("Fitting Pareto/NBD and gamma-gamma")
    text, fit = demo_scenario(base)
    scenario_path = folder / SCENARIO_FILE
    kept = scenario_path.exists() and not force and _content(scenario_path) != text.encode()
    if not kept:
        write_text(scenario_path, text)
    step("Building the customers' twin")
    firm = Firm.open(scenario_path)
    plan = firm.optimize(bound_steps=0, threads=threads, progress=step)
    plan.save(folder / "plan.json")
    with meanwhile(without_prospects, firm, plan, threads=threads, progress=quiet) as apart:
        comparison = firm.compare(
            [*POLICIES, plan], budget=plan.budget, seed=seed, replications=REPLICATIONS, threads=threads, progress=step
        )
        step("Without the assumed prospects")
        without = apart.result()
    comparison = replace(comparison, fit=fit, look={"lang": lang})
    runs = comparison.track(folder, name="demo", command=command, progress=step)
    return Demo(
        firm.scenario, firm.twin, fit, plan, without, comparison, scenario_path, kept, folder / "report.html", runs,
        time.perf_counter() - began,
    )  # fmt: skip


def _content(path: Path) -> bytes | None:
    """Return a file's bytes; None where it is no file, which loading it will explain."""
    return path.read_bytes() if path.is_file() else None
