"""Simulate a firm's customers as assets and find the marketing budget that makes them worth most.

A firm is a scenario and the twin of its customers; every question is a method of it:

>>> import tenure
>>> firm = tenure.open("scenario.yaml")
>>> print(firm.check())                                           # what the scenario means, in words
>>> plan = firm.optimize(budget=2_000)                            # with its bound and its prices
>>> least = firm.optimize(tenure.Question(reach=("asset", 185_000)))
>>> result = firm.compare(["as today", "even split", plan], replications=20, seed=1)
>>> result.report("report.html"); plan.save("plan.xlsx"); result.to_frame()
>>> why = firm.explain(plan)                                      # what lines bring, rules cost, can move, can go
>>> curve, odds = firm.frontier(), firm.risk(samples=12)
>>> life = firm.trace(plan, customer=17)                          # one customer: what is seen, what is true
>>> split = tenure.allocate("curves.csv", budget=300)             # over curves you already have: no simulation
>>> found = tenure.calibrate("orders.csv")                        # a scenario to edit, from your purchases
>>> tenure.example("subscription", "here")                        # a scenario to play with
>>> tenure.demo("first-look")                                     # everything once, on 23,570 real customers

Results show themselves in a notebook, have ``to_frame()``, and ``plot()`` where there is something to see.

======================= ==============================================================================================
To begin
======================= ==============================================================================================
``open(path)``          the firm of a scenario file
``Firm``                ``of(content)``, ``of_plan(path)``; ``check``, ``optimize``, ``frontier``,
                        ``whatif``, ``value_of_targeting``, ``risk``, ``explain``, ``diff``, ``split``, ``policy``,
                        ``compare``, ``simulate``, ``trace``, ``customer_list``, ``monitor``, ``learn``,
                        ``test_next``, ``measure``, ``backtest``
``Question``            what to ask ``optimize`` beside the most for a budget
``allocate(curves)``    a budget over response curves from elsewhere
``calibrate(orders)``   from purchases to a customer base and a scenario
``contracts(file)``     from contracts (start, end, price) to laws of renewal and a scenario
``study(asked)``        one question of many worlds: worlds x policies x budgets x seeds
``demo(folder)``        everything once, on real customers
``examples()``          names of the examples, and what each shows
``example(name)``       copies one out
``schema()``            every key of a scenario file, as JSON Schema
``validate()``          published results, worked out anew by this installation
``ui(folder)``          the runs of a folder, in MLflow
``repeat(run_id)``      a tracked run once more, from what it kept, to the bit
``sync(folder)``        sends what waits for a server that was gone
======================= ==============================================================================================

======================= ==============================================================================================
Results
======================= ==============================================================================================
``Plan``                who gets how much through which lever and when
``Split``               a plan's money by segment, lever and quarter
``Comparison``          policies on the same customers with the same luck
``Simulation``          one policy, period by period
``Life``                one customer's life
``Learned``             curves as experiments and answers have them, with what is not known
``Measured``            what each measure brought, against its control group
``NextTest``            which assumption to test next, on whom, and what knowing it is worth
``Backtest``            a forecast as it would have been made, against what came
``Explanation``         why a plan is as it is
``Frontier``            the best plan by budget
``TargetingValue``      what telling customers apart is worth
``Risk``                one plan for all that is not known
``WhatIf``              plans over budgets and rules, and the page to play with them
``CurveAllocation``     money by channel and period
``ContractStudy``       laws of renewal, and the scenario made of them
``Monitoring``          what has become of a plan, and whether to plan again
``CustomerList``        customers by name: who gets what, whom to win back or keep
``Calibration``         laws fitted to purchases, and how well they forecast
``StudyResult``         which policy survives which worlds
``Demo``                what the demo found
======================= ==============================================================================================

======================= ==============================================================================================
A policy of your own
======================= ==============================================================================================
``Policy``              any object with a ``name`` and ``decide(observation)``
``policy(name)``        puts one into the catalogue, from a file of your own too
``check_policy(it, t)`` what is wrong with it, on a firm's ``twin``
``Observation``         what a policy sees
``Allocation``          what it returns: money per customer, by target and lever
======================= ==============================================================================================

======================= ==============================================================================================
Errors
======================= ==============================================================================================
``TenureError``         base of all
``InputError``          something given cannot be used
``ScenarioError``       a scenario file is wrong
``PurchasesError``      purchases cannot be read
``RulesError``          no plan can meet the rules
``FolderError``         a file or folder cannot be read or written
``PolicyError``         a policy asked for what it may not have
``SolverError``         a solver's answer failed our own check
``NotAsWritten``        a warning: what a file says and what is played are not the same, and how far
``RunsWait``            a warning: runs are kept here until a server takes them
``ScenarioChanged``     a warning: a plan was made for another version of the scenario
======================= ==============================================================================================
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.allocate import allocate
    from experiments.firm import Firm
    from experiments.question import Question
    from experiments.results.backtest import Backtest
    from experiments.results.curves import CurveAllocation
    from experiments.results.information import NextTest
    from experiments.results.learned import Learned
    from experiments.results.lists import CustomerList
    from experiments.results.measured import Measured
    from experiments.results.monitoring import Monitoring
    from experiments.results.plans import Frontier, Plan, Risk, Split, TargetingValue
    from experiments.results.runs import Comparison, Explanation, Life, Simulation
    from experiments.results.whatif import WhatIf
    from experiments.study.calibrate import Calibration, calibrate
    from experiments.study.conduct import study
    from experiments.study.contracts import ContractStudy, contracts
    from experiments.study.demo import Demo, demo
    from experiments.study.examples import example, examples
    from experiments.study.repeat import repeat
    from experiments.study.result import StudyResult
    from experiments.tracking.outbox import sync
    from experiments.tracking.serve import serve as ui
    from experiments.validation.run import validate
    from policies.catalogue import policy
    from policies.conformance import check_policy
    from sim.contract import Allocation, Observation, Policy
    from sim.errors import (
        FolderError,
        InputError,
        NotAsWritten,
        PolicyError,
        PurchasesError,
        RulesError,
        RunsWait,
        ScenarioChanged,
        ScenarioError,
        SolverError,
        TenureError,
    )
    from sim.scenario.file import schema

    __version__: str
    open = Firm.open

__all__ = [
    "Allocation",
    "Backtest",
    "Calibration",
    "Comparison",
    "ContractStudy",
    "CurveAllocation",
    "CustomerList",
    "Demo",
    "Explanation",
    "Firm",
    "FolderError",
    "Frontier",
    "InputError",
    "Learned",
    "Life",
    "Measured",
    "Monitoring",
    "NextTest",
    "NotAsWritten",
    "Observation",
    "Plan",
    "Policy",
    "PolicyError",
    "PurchasesError",
    "Question",
    "Risk",
    "RulesError",
    "RunsWait",
    "ScenarioChanged",
    "ScenarioError",
    "Simulation",
    "SolverError",
    "Split",
    "StudyResult",
    "TargetingValue",
    "TenureError",
    "WhatIf",
    "__version__",
    "allocate",
    "calibrate",
    "check_policy",
    "contracts",
    "demo",
    "example",
    "examples",
    "open",
    "policy",
    "repeat",
    "schema",
    "study",
    "sync",
    "ui",
    "validate",
]

_ROOMS = {
    "experiments.allocate": ("allocate",),
    "experiments.firm": ("Firm",),
    "experiments.question": ("Question",),
    "experiments.results.backtest": ("Backtest",),
    "experiments.results.curves": ("CurveAllocation",),
    "experiments.results.information": ("NextTest",),
    "experiments.results.learned": ("Learned",),
    "experiments.results.lists": ("CustomerList",),
    "experiments.results.measured": ("Measured",),
    "experiments.results.monitoring": ("Monitoring",),
    "experiments.results.plans": ("Frontier", "Plan", "Risk", "Split", "TargetingValue"),
    "experiments.results.runs": ("Comparison", "Explanation", "Life", "Simulation"),
    "experiments.results.whatif": ("WhatIf",),
    "experiments.study.calibrate": ("Calibration", "calibrate"),
    "experiments.study.conduct": ("study",),
    "experiments.study.contracts": ("ContractStudy", "contracts"),
    "experiments.study.demo": ("Demo", "demo"),
    "experiments.study.examples": ("example", "examples"),
    "experiments.study.result": ("StudyResult",),
    "experiments.study.repeat": ("repeat",),
    "experiments.tracking.outbox": ("sync",),
    "experiments.validation.run": ("validate",),
    "policies.catalogue": ("policy",),
    "policies.conformance": ("check_policy",),
    "sim.contract": ("Allocation", "Observation", "Policy"),
    "sim.errors": (
        "FolderError", "InputError", "NotAsWritten", "PolicyError", "PurchasesError", "RulesError", "RunsWait",
        "ScenarioChanged", "ScenarioError", "SolverError", "TenureError",
    ),
    "sim.scenario.file": ("schema",),
}  # fmt: skip
"""Where names live; a room is entered when one of its names is first used (PEP 562)."""
_PLACES = {name: (room, name) for room, names in _ROOMS.items() for name in names}
_PLACES["ui"] = ("experiments.tracking.serve", "serve")


def __getattr__(name: str) -> Any:
    """Return a public name, imported when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("tenure")
    elif name == "open":
        found = __getattr__("Firm").open
    elif name in _PLACES:
        import importlib

        from _tenure_start import check_packages

        check_packages()
        room, there = _PLACES[name]
        found = getattr(importlib.import_module(room), there)
    else:
        raise AttributeError(f"module 'tenure' has no attribute '{name}'")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
