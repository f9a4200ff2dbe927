"""What records say: of a plan that runs, of curves, of the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.firm.made import or_all
from experiments.firm.planned import Planned
from experiments.results.shown import grown
from sim.arrays import Step, quiet
from sim.errors import InputError

if TYPE_CHECKING:
    import optimizer.plan
    from experiments.results.backtest import Backtest
    from experiments.results.learned import Learned
    from experiments.results.measured import Measured
    from experiments.results.monitoring import Monitoring

__all__ = ["Watched"]


class Watched(Planned):
    """A firm that can be held against records."""

    def monitor(
        self,
        plan: optimizer.plan.Plan | str | Path,
        actual: str | Path,
        *,
        through: date | int | str | None = None,
        false_alarms: float = 0.1,
        replications: int = 100,
        seed: int = 0,
        progress: Step | None = None,
    ) -> Monitoring:
        """Return what has become of a plan: what has moved, whether to plan again, and the money at stake.

        Parameters
        ----------
        plan
            A plan or its file.
        actual
            A customer base, a file of purchases, or a table of counts as :meth:`Simulation.save` writes it.
        through
            Last day that counts, for counts how many periods; None: all.
        false_alarms
            A year, where nothing has changed, all tests together.
        replications
            Parallel markets under the plan, from which limits and bands are taken.

        Raises
        ------
        InputError
            If what was seen is not of this firm, or no whole period has passed.

        Examples
        --------
        >>> firm.simulate(plan, replications=1, seed=3).save("actual.csv")
        >>> found = firm.monitor(plan, "actual.csv", replications=20)
        >>> found.verdict
        'stay'
        """
        from experiments.chosen import chosen_policies
        from experiments.look import look
        from experiments.monitor import monitor
        from experiments.results.monitoring import Monitoring
        from experiments.tracking.call import Call

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        seen, unseen = look(self.twin, plan, Path(actual), through)
        total, [chosen] = chosen_policies([plan], self.twin, self.load_plan, None)
        found = monitor(
            self.twin, plan, chosen, total, seen, rate=false_alarms, replications=replications, seed=seed,
            unseen=unseen, step=progress or quiet,
        )  # fmt: skip
        asked = {
            "plan": plan, "actual": str(Path(actual).resolve()), "through": None if through is None else str(through),
            "false_alarms": false_alarms, "replications": replications, "seed": seed,
        }  # fmt: skip
        return grown(Monitoring, found, twin=self.twin, file=self.file, asked=Call("monitor", asked))

    def measure(
        self,
        plan: optimizer.plan.Plan | str | Path | None,
        lists: str | Path | Sequence[str | Path],
        actual: str | Path,
        *,
        period: int = 0,
        periods: int = 1,
    ) -> Measured:
        r"""Return what each measure brought: plan against outcome against the control group of its list.

        Parameters
        ----------
        plan
            That the lists were made from, or its file; None: as today.
        lists
            Files as :meth:`customer_list` writes them, with a control group.
        actual
            A customer base, or a file of purchases, that runs to the end of the time.
        period, periods
            The lists' period, from 0, and over how many periods what came is counted.

        Raises
        ------
        InputError
            If a list is not one of this firm, or the time has not passed.

        Examples
        --------
        >>> from pathlib import Path
        >>> mine = tenure.open(tenure.calibrate("orders.csv", "mine.yaml").scenario_path)
        >>> mine.customer_list(control=0.3).save("who.csv")
        >>> _ = Path("later.csv").write_text(Path("orders.csv").read_text() + "0;2025-09-01;9\n")
        >>> mine.measure(None, "who.csv", "later.csv").effects[0].segment
        'all'
        """
        import numpy

        from experiments.measure import measure
        from experiments.results.measured import Measured
        from experiments.tracking.call import Call

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        intensity = self.targets.reference if plan is None else plan.intensity
        whole = numpy.broadcast_to(intensity, (self.scenario.periods, *self.targets.shape))
        several = [lists] if isinstance(lists, str | Path) else lists
        found = measure(
            self.twin, whole, [Path(each) for each in several], Path(actual), period=period, periods=periods
        )
        asked = {
            "plan": plan, "lists": [str(Path(each).resolve()) for each in several],
            "actual": str(Path(actual).resolve()), "period": period, "periods": periods,
        }  # fmt: skip
        own = {"twin": self.twin, "file": self.file, "asked": Call("measure", asked)}
        return grown(Measured, found, learning=self.learn, **own)

    def learn(self, *evidence: str | Path, per: str | None = None, seed: int = 0) -> Learned:
        r"""Return the scenario with its curves as experiments, histories and managers' answers have them.

        Parameters
        ----------
        *evidence
            Files: experiments (columns ``lever``, ``moves``, ``spend``, ``outcome``), answers (``lever``, ``moves``,
            ``at``, ``value``), histories (``period``, what came in, money by lever) and curves of marketing-mix models
            (as ``allocate`` takes them; channels called as levers); see docs/evidence.md.
        per
            Of what time money and sales of curves are: week, month, quarter, year, or a number of weeks.
        seed
            Of the draws that intervals are made of.

        Raises
        ------
        InputError
            If a file cannot be used, is given twice, is about what the scenario does not have, or says that money
            harms.

        Examples
        --------
        >>> from pathlib import Path
        >>> rows = ["lever,moves,at,value,low,high", "retention,survival,unlimited,0.95,0.93,0.96"]
        >>> _ = Path("answers.csv").write_text("\n".join(rows))
        >>> firm.learn("answers.csv")
        Evidence on 1 curve: data on 0, answers alone on the others.
        """
        from experiments.curves_to_levers import answers_of_curves, weeks_of
        from experiments.results.learned import Learned
        from experiments.tracking.call import Call
        from optimizer.curves.curve_file import is_curves
        from sim.responses.learn import learn
        from sim.responses.once import once, same_rows
        from sim.responses.read import read_evidence

        if not evidence:
            raise InputError("expected at least one file of evidence")
        files = once(evidence, self.scenario)
        curves = [Path(each) for each in evidence if is_curves(each)]
        if curves and per is None:
            raise InputError(
                f"{curves[0]}: holds curves of money and sales; say of what time they are, such as `per=week`, or a "
                "number of weeks, '104 weeks'"
            )
        if per is not None and not curves:
            raise InputError(f"`per={per}`: says of what time curves are, and no file holds curves; leave it out")
        of_curves = [answers_of_curves(self.twin, each, weeks_of(per or "")) for each in curves]
        read = [read_evidence(each) for each in evidence if Path(each) not in curves]
        trials = [each for one in read for each in one.trials]
        histories = [each for one in read for each in one.histories]
        found = learn(
            self.scenario,
            trials,
            [each for answers in (*(a for a, _ in of_curves), *(one.answers for one in read)) for each in answers],
            [
                *same_rows(trials, histories),
                *(each for notes in (*(n for _, n in of_curves), *(one.notes for one in read)) for each in notes),
            ],
            histories,
            seed,
            files,
        )
        asked = {"evidence": [str(Path(each).resolve()) for each in evidence], "per": per, "seed": seed}
        return grown(Learned, found, twin=self.twin, file=self.file, asked=Call("learn", asked))

    def backtest(
        self, months: int = 9, *, replications: int = 40, seed: int = 0, threads: int | None = None,
        progress: Step | None = None,
    ) -> Backtest:  # fmt: skip
        """Return whether the forecast would have been right: fitted without the last months, against what came.

        Parameters
        ----------
        months
            Held out, to the last purchase of the customer base.
        replications
            Markets that bands are made of.

        Raises
        ------
        InputError
            If the scenario has no customer base, or the months do not fit its purchases.
        PurchasesError
            If what was known then does not identify the laws.

        Examples
        --------
        >>> firm.backtest()
        Traceback (most recent call last):
            ...
        sim.errors.InputError: a forecast is checked against purchases, and this scenario has no customer base...
        """
        from experiments.backtest.forecast import backtest
        from experiments.results.backtest import Backtest
        from experiments.tracking.call import Call

        found = backtest(
            self.scenario,
            months,
            replications=replications,
            seed=seed,
            threads=or_all(threads),
            progress=progress,
        )
        asked = {"months": months, "replications": replications, "seed": seed}
        return grown(Backtest, found, twin=self.twin, file=self.file, asked=Call("backtest", asked))
