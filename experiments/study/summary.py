"""What ``tenure demo`` prints."""

import shlex
from pathlib import Path

from experiments.study.demo import Demo, FitFigure
from experiments.terminal.summary import plan_summary
from experiments.terminal.tables import policy_table
from experiments.words.figures import money
from experiments.words.kept import rules_broken
from experiments.words.phrases import INTERVALS
from experiments.words.tables import table

__all__ = ["demo_summary", "fit_table"]


def fit_table(fit: tuple[FitFigure, ...]) -> str:
    """Return computed figures beside published ones, to one digit more than those."""

    def shown(figure: FitFigure) -> str:
        digits = len((figure.published or "").partition(".")[2]) + 1
        return (
            f"{figure.computed:.0f}" if figure.computed == round(figure.computed) else f"{figure.computed:.{digits}f}"
        )

    rows = [[figure.name, figure.published or "", shown(figure)] for figure in fit]
    return table(["fit on weeks 1-39 of the 1/10 sample", "published", "computed"], rows)


def demo_summary(demo: Demo, folder: Path) -> str:
    """Return what ``tenure demo`` prints."""
    best = max(demo.comparison.outcomes, key=lambda outcome: outcome.asset)
    currency = demo.scenario.currency
    if best.name == "as today":
        answer = "No policy beats going on as today."
    else:
        answer = (
            f"'{best.name}' makes the customers worth most: {money(best.asset)} {currency}, "
            f"{money(best.difference, signed=True)} against today ({money(best.low, signed=True)} to "
            f"{money(best.high, signed=True)})."
        )
    where = "" if folder == Path() else f" --folder {shlex.quote(str(folder))}"
    scenario = shlex.quote(str(folder / demo.scenario_path.name))
    kept = ["", f"Used your edited {demo.scenario_path.name}; --force writes the demo's own again."]
    return "\n".join(
        [
            fit_table(demo.fit),
            "",
            f"{demo.scenario.name}, {demo.scenario.periods} {demo.scenario.period}s, "
            f"{demo.comparison.replications} replications, {currency}:",
            "",
            policy_table(demo.comparison),
            "",
            *rules_broken(demo.comparison),
            answer,
            INTERVALS,
            "",
            plan_summary(demo.plan, currency),
            "",
            "The demo's responses, prospects and margin are illustrative assumptions, not facts about CDNOW.",
            *(kept if demo.kept_scenario else []),
            "",
            f"Done in {demo.seconds:.1f} s. Next:",
            f"  open {demo.report}",
            f"  tenure repeat {demo.runs.run_id}{where}  # the same once more, bit for bit",
            f"  tenure ui{where}                      # the runs in MLflow",
            f"  edit {scenario}, then tenure demo{where} again",
            "  tenure calibrate YOUR-PURCHASES.csv    # your own customers",
        ]
    )
