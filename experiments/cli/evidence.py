"""Commands on evidence: was the forecast right, and what experiments and answers say of responses to money."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import (
    THREADS,
    BudgetOption,
    Changes,
    Json,
    Language,
    NoSeed,
    ScenarioFile,
    Seed,
    Threads,
    commands,
    print_json,
    say,
)
from experiments.cli.output import with_output
from experiments.cli.tracking import Tracking, with_tracking
from experiments.cli.words import changes_of
from sim.arrays import quiet

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure backtest scenario.yaml --months 9")
@with_output
@with_tracking()
def backtest(
    scenario: ScenarioFile,
    months: Annotated[int, typer.Option(help="Held out, to the last purchase of the base.", min=1, max=600)] = 9,
    replications: Annotated[int, typer.Option(help="Markets that bands are made of.", min=2, max=10_000)] = 40,
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Was the forecast right: fit without the last months, play today's money, compare with what came.

    Customers, purchases and money by period and segment, the coverage of bands, two plain forecasts beside, and why.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars

    firm = Firm.open(scenario, changes=changes_of(change))
    with progress_bars() as step:
        found = firm.backtest(months, replications=replications, seed=seed, threads=threads, progress=step)
        kept = tracking.keep(found, step)
    if as_json:
        print_json({**found.to_dict(), **tracking.to_dict(kept)})
    else:
        then = f"Next: tenure check {shlex.quote(str(scenario))}"
        say(f"{found.to_text()}\n\n{then}{tracking.in_words(kept)}", scenario, change)


@group.command(epilog="Example: tenure learn scenario.yaml test.csv answers.csv -o learned.yaml")
@with_tracking()
def learn(
    scenario: ScenarioFile,
    evidence: Annotated[
        list[Path],
        typer.Argument(
            metavar="EVIDENCE...",
            help="Experiments (lever, moves, spend, outcome; segment, customers, periods, assigned, cluster, traits), "
            "answers (lever, moves, at, value; low, high, manager, segment), histories (period, segment, won, active, "
            "purchases, money, and money of each lever), curves of marketing-mix models (channels called as levers).",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")] = Path("learned.yaml"),
    per: Annotated[
        str | None, typer.Option(help="With curves: of what time money and sales are: week, month, ..., '104 weeks'.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="SVG file to draw data, curve and band of each into.")] = None,
    lang: Language = "en",
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    change: Changes = None,
    seed: Seed = 0,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Make response curves of experiments, contacts, histories and managers' answers, with what is known of each.

    Answers are the prior, data the likelihood; where data say nothing, the answers' width stays.
    """
    from experiments.firm import Firm
    from sim.files import check_output

    check_output(output, others=evidence)
    outputs = [output]
    if plot is not None:
        check_output(plot, others=[*evidence, output])
        outputs.append(plot)
    found = Firm.open(scenario, changes=changes_of(change), outputs=outputs).learn(*evidence, per=per, seed=seed)
    if plot is not None:
        found.plot(plot, lang)
    found.save(output, force=force)
    kept = tracking.keep(found, quiet)
    if as_json:
        print_json({**found.to_dict(), "scenario": str(output), **tracking.to_dict(kept)})
    else:
        drawn = "" if plot is None else f" and {plot}"
        then = f"Wrote {output}{drawn}. Next: tenure check {shlex.quote(str(output))}"
        typer.echo(f"{found.to_text()}\n\n{then}{tracking.in_words(kept)}")


@group.command("test-next", epilog="Example: tenure test-next scenario.yaml --plan plan.json -o test.json")
@with_tracking()
def next_test(
    scenario: ScenarioFile,
    plan: Annotated[
        Path | None, typer.Option(help="Plan file: what would be done without knowing more [default: it is sought].")
    ] = None,
    budget: BudgetOption = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Worlds drawn from the ranges, at least three for each, half as many of laws [default: 32, or these].",
            max=10_000,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the test's money as a plan, which tenure list takes.")
    ] = None,
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Say which assumption to test next: what knowing each is worth, and the experiment that pays most.

    On whom, how many, how long and with how much, half of them held back by lot; what its result is worth before it is
    known, what it costs, and what to do after which result.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from optimizer.plan_files import PLAN_FILES
    from sim.files import check_output

    if output is not None:
        check_output(output, PLAN_FILES, [scenario, plan])
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[output])
    with progress_bars() as step:
        found = firm.test_next(plan, budget=budget, samples=samples, seed=seed, threads=threads, progress=step)
        kept = tracking.keep(found, step)
    written = output if found.plan is not None else None
    if written is not None:
        found.save(written)
    if as_json:
        print_json({**found.to_dict(), "file": None if written is None else str(written), **tracking.to_dict(kept)})
        return
    where = shlex.quote(str(scenario))
    if written is not None and firm.scenario.base is None:
        then = f"Written to {written}. A list by name needs a customer base. Next: tenure risk {where}"
    elif written is not None:
        of_prospects = found.next is not None and found.next.trial is not None and "prospect" in found.next.trial.stages
        who = " --kind worth-winning --prospects PEOPLE.csv" if of_prospects else ""
        number = round(found.next.trial.customers) if found.next is not None and found.next.trial is not None else 0
        then = f"Written to {written}. Next: tenure list {where} --plan {shlex.quote(str(written))} --sample {number} "
        then += f"--control 0.5{who}"
    elif found.plan is not None:
        again = ["tenure", "test-next", str(scenario), *(["--plan", str(plan)] if plan is not None else [])]
        again += ["--budget", f"{budget:.17g}"] if budget is not None else []
        again += [word for each in change or () for word in ("--set", each)]
        again += [] if samples is None else ["--samples", str(samples)]
        then = f"Next: {shlex.join([*again, '--seed', str(seed), '-o', 'test.json'])}"
    else:
        then = f"Next: tenure risk {where}"
    say(f"{found.to_text()}\n\n{then}{tracking.in_words(kept)}", scenario, change)


@group.command(epilog="Example: tenure measure plan.json --list targets.csv --actual base.duckdb --periods 2")
@with_tracking()
def measure(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan file that the lists were made from.")],
    lists: Annotated[
        list[Path], typer.Option("--list", help="Who got what, as tenure list --control wrote it; repeat.")
    ],
    actual: Annotated[Path, typer.Option(help="What came: a customer base, or a file of purchases.")],
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file [default: the one that the plan was made for].")
    ] = None,
    period: Annotated[int, typer.Option(help="Period of the lists, counted from 0 as in the plan's file.", min=0)] = 0,
    periods: Annotated[int, typer.Option(help="Periods over which what came is counted.", min=1)] = 1,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the scenario with its curves as this moves them.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    change: Changes = None,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    tracking: Tracking,
) -> None:
    """Say what each measure brought: plan against outcome against control group, with interval and money per unit.

    With -o the scenario is updated from it, as tenure learn does from an experiment.
    """
    from experiments.firm import Firm
    from sim.files import check_output

    if output is not None:
        check_output(output, (".yaml", ".yml"), [plan, scenario, actual, *lists])
    firm = Firm.of_plan(plan, scenario, changes=changes_of(change), outputs=[output])
    found = firm.measure(plan, lists, actual, period=period, periods=periods)
    written = None if output is None or not found.evidence else str(output)
    learned = None
    if output is not None and written is not None:
        learned = found.learn()
        learned.save(output, force=force)
    kept = tracking.keep(found, quiet)
    if as_json:
        of_curves = None if learned is None else learned.to_dict()
        print_json({**found.to_dict(), "scenario": written, "learned": of_curves, **tracking.to_dict(kept)})
        return
    if learned is not None:
        then = f"{learned.to_text()}\n\nWrote {output}. Next: tenure check {shlex.quote(str(output))}"
    elif found.evidence:
        again = ["tenure", "measure", str(plan), *(word for each in lists for word in ("--list", str(each)))]
        again += ["--actual", str(actual), *(["--scenario", str(scenario)] if scenario is not None else [])]
        again += [word for each in change or () for word in ("--set", each)]
        again += ["--period", str(period)] * (period > 0) + ["--periods", str(periods)] * (periods > 1)
        then = f"Next: {shlex.join([*again, '-o', 'learned.yaml'])}"
    else:
        not_written = (
            f"{output} is not written: nothing that was measured tells a curve. " if output is not None else ""
        )
        then = f"{not_written}Next: tenure check {shlex.quote(str(firm.file))}"
    typer.echo(f"{found.to_text()}\n\n{then}{tracking.in_words(kept)}")
