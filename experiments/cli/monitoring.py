"""The command of the loop: what has become of a plan, and whether to plan again."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Changes, Json, ScenarioFile, Seed, commands, print_json, say
from experiments.cli.tracking import Tracking, with_tracking
from experiments.cli.words import changes_of
from sim.errors import InputError

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure monitor scenario.yaml --plan plan.json --actual base.duckdb -o monitor.html")
@with_tracking()
def monitor(
    scenario: ScenarioFile,
    plan: Annotated[Path, typer.Option(help="Plan file that is played.")],
    actual: Annotated[
        Path,
        typer.Option(
            help="What was seen: a customer base, a file of purchases, or a table of counts (as from simulate --table)."
        ),
    ],
    through: Annotated[
        str | None,
        typer.Option(help="Last day that counts, as 2025-06-30; with counts: how many periods [default: all]."),
    ] = None,
    replan: Annotated[bool, typer.Option("--replan", help="Write the new plan, if something has moved.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Page to write (.html); with --replan the new plan (.json).")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Page to write, beside a new plan.")] = None,
    false_alarms: Annotated[
        float, typer.Option(help="False alarms a year where nothing has changed, all tests together.")
    ] = 0.1,
    replications: Annotated[int, typer.Option(help="Parallel markets for limits and bands.", min=20, max=10_000)] = 100,
    change: Changes = None,
    seed: Seed = 0,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Hold what was seen against a plan: what has moved, the verdict (stay, adjust, plan again), the money at stake."""
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.monitoring import moved_table, of_lines
    from experiments.words.tables import table
    from sim.files import check_output
    from sim.monitoring.observed import is_counts

    if replan and output is None:
        raise InputError("`replan=`: needs `output=`, the file for the new plan")
    if output is not None and page is not None and not replan:
        raise InputError(f"`page={page}`: `output=` is the page unless there is `replan=`; give one of them")
    if output is not None:
        check_output(output, (".json", ".xlsx", ".csv") if replan else (".html",), [scenario, plan, actual, page])
    if page is not None:
        check_output(page, (".html",), [scenario, plan, actual])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[output, page])
    with progress_bars() as step:
        found = firm.monitor(
            plan, actual, through=through, false_alarms=false_alarms, replications=replications, seed=seed,
            progress=step,
        )  # fmt: skip
        kept = tracking.keep(found, step)
    written = {}
    if replan and found.plan is not None:
        assert output is not None
        found.plan.save(output)
        written["plan"] = str(output)
    shown = page if replan else output or page
    if shown is not None:
        found.report(shown)
        written["page"] = str(shown)
    if as_json:
        print_json({**found.to_dict(), **written, **tracking.to_dict(kept)})
        return
    parts = [found.answer(), table(*found.shown_table()), of_lines(found)]
    if found.moved:
        parts.append(table(*moved_table(found)))
    parts.append(found.notes())
    parts += [f"Wrote {what}: {where}" for what, where in written.items()]
    if replan and found.plan is None:
        parts.append(f"No new plan was written to {output}: nothing has moved that one could be made from.")
    if firm.twin.base is not None and not is_counts(actual):
        own, seen = shlex.quote(str(scenario)), shlex.quote(str(actual))
        parts.append(f"By name: tenure list {own} --kind quality-changed --actual {seen} -o changed.csv")
    more = {"--through": through, "--false-alarms": false_alarms, "--replications": replications, "--seed": seed}
    parts.append(f"Next: {_next(scenario, plan, actual, more, found.verdict, output if 'plan' in written else None)}")
    say("\n\n".join(parts) + tracking.in_words(kept), scenario, change)


def _next(scenario: Path, plan: Path, actual: Path, more: Mapping[str, object], verdict: str, new: Path | None) -> str:
    own, old, seen = (shlex.quote(str(each)) for each in (scenario, plan, actual))
    if new is not None:
        return f"tenure diff {old} {shlex.quote(str(new))}"
    if verdict == "stay":
        return "the same with the next period's purchases"
    usual = {"--through": None, "--false-alarms": 0.1, "--replications": 100, "--seed": 0}
    asked = "".join(f" {name} {value}" for name, value in more.items() if value != usual[name])
    return f"tenure monitor {own} --plan {old} --actual {seen}{asked} --replan -o new.json"
