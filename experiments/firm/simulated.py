"""Policies played on the simulated customers: one, several with the same luck, one customer's life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.firm.made import or_all
from experiments.firm.planned import Planned
from experiments.results.shown import grown
from sim.arrays import Step, quiet
from sim.errors import InputError

if TYPE_CHECKING:
    import optimizer.plan
    from experiments.results.runs import Comparison, Life, Simulation
    from sim.contract import Policy
    from sim.market.purse import Budget

__all__ = ["Simulated"]


class Simulated(Planned):
    """A firm on whose customers policies can be played."""

    def policy(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any],
        name: str | None = None,
        *,
        budget: float | None = None,
        spread: str | Path = "even",
    ) -> Policy:
        """Return a policy of the catalogue by its name, or one that plays a plan.

        Parameters
        ----------
        policy
            A name with blanks or hyphens, a Python file that registers one, a plan file, a table of money, a plan, or a
            policy.
        name
            What tables call a plan; None: its file's name, or "plan".
        budget
            What the policy may spend over the horizon; None: the scenario's.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.

        Raises
        ------
        InputError
            If there is none.

        Examples
        --------
        >>> firm.policy("even-split").name
        'even split'
        >>> firm.policy(plan, "careful").name
        'careful'
        """
        from experiments.chosen import chosen_policies

        _, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), budget)
        return chosen.policy if name is None else replace(chosen.policy, name=name)  # type: ignore[type-var]

    def compare(
        self,
        policies: Sequence[str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any]],
        *,
        budget: float | None = None,
        spread: str | Path = "even",
        equal_money: bool = False,
        replications: int = 20,
        samples: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Comparison:
        """Simulate several policies on the same customers with the same luck; the first is the reference.

        Parameters
        ----------
        policies
            Names, ``"all"`` for the whole catalogue, plan files, tables of money, plans, Python files with a policy,
            mixtures (a mapping, or a .yaml file), or any object with a ``name`` and ``decide(observation)``.
        budget
            Money over the horizon; None: the scenario's. A plan is played as it stands, whatever it costs: what it
            spends of the budget, and every rule that it breaks, is in the answer.
        equal_money
            Scale every policy, all its intensities alike, until it is expected to spend the whole budget.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.
        samples
            Worlds drawn from the scenario's ``uncertain`` ranges, in which all policies are weighed in expected
            numbers too, for intervals and chances that count what is not known; None: 16, or twice as many as ranges;
            0: none.
        seed
            Which luck; the same seed gives the same numbers.

        Raises
        ------
        InputError
            If a policy is not known, or two have the same name.
        PolicyError
            If a policy asks for more than it may.

        Examples
        --------
        >>> result = firm.compare(["as today", firm.policy(plan, "careful")], replications=2, seed=1)
        >>> result.best.name
        'careful'
        """
        from experiments.chosen import chosen_policies, say_unspent, spelled_out
        from experiments.compare import compare
        from experiments.results.runs import Comparison
        from experiments.tracking.call import Call

        policies = spelled_out(policies)
        load = self._loader(spread, policies)
        total, chosen = chosen_policies(policies, self.twin, load, budget, equal_money=equal_money)
        found = compare(
            self.twin, [each.policy for each in chosen], total, seed=seed, replications=replications,
            threads=or_all(threads), purses={each.policy.name: each.purse for each in chosen}, equal_money=equal_money,
            samples=samples, progress=(progress or quiet)("Simulating"),
        )  # fmt: skip
        plans = tuple((each.policy.name, each.plan) for each in chosen if each.plan is not None)
        say_unspent(found.outcomes, plans, total if equal_money else None)
        asked = {
            "policies": list(policies), "budget": budget, "spread": spread, "equal_money": equal_money,
            "replications": replications, "samples": samples, "seed": seed,
        }  # fmt: skip
        return grown(Comparison, found, twin=self.twin, plans=plans, file=self.file, asked=Call("compare", asked))

    def simulate(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any] = "as today",
        *,
        budget: float | None = None,
        spread: str | Path = "even",
        replications: int | None = None,
        seed: int = 0,
        until: int | None = None,
        save: str | Path | None = None,
        resume: str | Path | None = None,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Simulation:
        """Simulate the customers under one policy; or one market in parts, branching into other policies on the way.

        Parameters
        ----------
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.
        replications
            None: 20; 1 with ``until``, ``save`` or ``resume``, which follow one market.
        until, save
            Stop after so many periods, and save the market there.
        resume
            Saved market to go on from, with the same customers and the same luck.

        Raises
        ------
        InputError
            If arguments do not go together, or the saved market does not fit.

        Examples
        --------
        >>> first = firm.simulate("as today", until=2, save="market.npz")
        >>> other = firm.simulate("no spend", resume="market.npz")
        >>> first.history.periods, other.resumed_at, other.history.periods
        (2, 2, 3)
        """
        from experiments.chosen import chosen_policies
        from experiments.compare import compare
        from experiments.results.runs import Simulation
        from experiments.simulate import Part, follow

        def choose(given: float | None) -> tuple[float, Policy, Budget]:
            total, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), given)
            return total, chosen.policy, chosen.purse

        tell = (progress or quiet)("Simulating")
        if until is not None or save is not None or resume is not None:
            if replications not in (None, 1):
                raise InputError(
                    f"`replications={replications}`: `until=`, `save=` and `resume=` follow one market; leave it out"
                )
            part = follow(
                self.twin, choose, budget, seed=seed, threads=or_all(threads), until=until,
                save=None if save is None else Path(save), resume=None if resume is None else Path(resume),
                progress=tell,
            )  # fmt: skip
        else:
            total, chosen, purse = choose(budget)
            part = Part(
                compare(
                    self.twin, [chosen], total, seed=seed, replications=20 if replications is None else replications,
                    threads=or_all(threads), purses={chosen.name: purse}, progress=tell,
                )
            )  # fmt: skip
        return grown(Simulation, part, twin=self.twin)

    def trace(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any] = "as today",
        *,
        segment: str | None = None,
        customer: str | int | None = None,
        budget: float | None = None,
        spread: str | Path = "even",
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Life:
        """Return one customer's life: what the firm saw, what was true, what it bought and what was spent on it.

        Parameters
        ----------
        segment
            Whose customer; None: the first with people.
        customer
            A number from 0 on inside the segment; for a customer base its customer's id. None: the first.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.

        Raises
        ------
        InputError
            If there is no such segment or customer, or the scenario is a chain of its own.

        Examples
        --------
        >>> life = firm.trace(customer=17)
        >>> life.policy
        'as today'
        """
        from experiments.chosen import chosen_policies
        from experiments.results.runs import Life
        from experiments.trace import trace_life

        _, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), budget)
        life = trace_life(
            self.twin, chosen.policy, chosen.purse, segment=segment,
            customer=None if customer is None else str(customer), seed=seed, threads=or_all(threads),
            progress=(progress or quiet)("Simulating"),
        )  # fmt: skip
        return grown(Life, life)
