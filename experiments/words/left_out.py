"""What a scenario of real customers leaves out, and what that was worth in the purchases."""

from experiments.words.figures import day, money, one_of
from sim.purchases.base import CustomerBase
from sim.purchases.beside import newcomers
from sim.scenario.file import Scenario

__all__ = ["left_out"]

TO_BE_WON = ("unaware", "prospect")


def left_out(scenario: Scenario) -> list[str]:
    """Return what is therefore in no figure of the scenario, one sentence each; nothing without a base."""
    given = scenario.base
    if given is None:
        return []
    out = []
    people = [stage for segment in scenario.segments.values() for stage in (*segment.start, *segment.births)]
    if not set(people) & set(TO_BE_WON):
        new = newcomers(CustomerBase.open(scenario.folder / given.file), given.as_of)
        seen = "; how many were lately the purchases are too short to tell"
        if new is not None:
            were = one_of(f"{new.customers:,} customers were")
            seen = (
                f": in the {new.days} days up to {day(given.as_of)} {were} new and brought "
                f"{money(new.money)} of {money(new.all_money)} {scenario.currency}".rstrip()
            )
        out.append(
            f"Winning customers is left out, since the scenario states no people who may be won{seen}. What new "
            "customers are worth, and money to win them, are in no plan, bound or comparison here"
        )
    if not any("reactivation" in lever.moves for lever in scenario.levers.values()):
        out.append("Winning back is left out: no lever moves reactivation, so those who left stay away")
    return [f"{each}." for each in out]
