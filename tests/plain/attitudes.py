"""Satisfaction, employees and ties to them, one short function per sentence of ``docs/model.md``."""

import math
from collections.abc import Callable, Sequence

from plain.people import SEEN

from sim.scenario.customers import Gamma, Segment
from sim.scenario.feelings import Employees, Satisfaction
from sim.scenario.file import Scenario

# --- Satisfaction and employees ---------------------------------------------------------------------------------------


def clip(value: float, low: float, high: float) -> float:
    """Return the value, or the bound that it is beyond."""
    return min(max(value, low), high)


def usual_odds(satisfaction: Satisfaction, level: int) -> tuple[float, float]:
    """Return the chances of a level up and of a level down of those who never leave: Metropolis' rule."""
    mix, half = satisfaction.mix, satisfaction.mobility / 2

    def towards(neighbour: int) -> float:
        here = mix[level - 1]
        return half * (min(1.0, mix[neighbour - 1] / here) if here > 0 else 1.0)

    return towards(level + 1) if level < 5 else 0.0, towards(level - 1) if level > 1 else 0.0


def spread_of_who_stays(satisfaction: Satisfaction, leaving: float) -> list[float]:
    """Return the shares of levels among those of one leaving rate who stay through a period of today's spend."""
    factor = 1 - satisfaction.defection_per_level
    staying = [
        share * math.exp(-leaving * relative(factor, place, satisfaction.mix))
        for place, share in enumerate(satisfaction.mix)
    ]
    everybody = sum(staying)
    return [share / everybody if everybody > 0 else share for share in staying]


def own_odds(satisfaction: Satisfaction, level: int, leaving: float) -> tuple[float, float]:
    """Return the chances of a level up and of a level down of a customer who leaves at a rate of its own.

    Up by Metropolis' rule. Down so that as many as before are below each level again after who is unhappy has left.
    """
    up, down = usual_odds(satisfaction, level)
    mix = satisfaction.mix
    if down == 0 or mix[level - 1] == 0 or satisfaction.defection_per_level == 0:
        return up, down
    stay = spread_of_who_stays(satisfaction, leaving)
    up_from_below, _ = usual_odds(satisfaction, level - 1)
    below = level - 1
    missing = sum(mix[:below]) - sum(stay[:below])
    return up, clip((missing + stay[below - 1] * up_from_below) / stay[below], 0, 1 - up)


def level_odds(satisfaction: Satisfaction, level: int, shift: float, leaving: float = 0.0) -> tuple[float, float]:
    """Return the chances of a level up and of a level down: those of the own leaving rate, shifted."""
    up, down = own_odds(satisfaction, level, leaving)
    return clip(up + shift, 0, 1) if level < 5 else 0.0, clip(down - shift, 0, 1) if level > 1 else 0.0


def next_level(satisfaction: Satisfaction, level: int, shift: float, u: float, leaving: float = 0.0) -> int:
    """Return the level after one period of a customer with the draw ``u``."""
    up, down = level_odds(satisfaction, level, shift, leaving)
    if u < up:
        return level + 1
    return level - 1 if u >= 1 - down else level


def points_of(level: int) -> float:
    """Return the points of a level: 0, 25, ..., 100."""
    return 25.0 * (level - 1)


def mean_points(shares: Sequence[float]) -> float:
    """Return the mean points of customers who are spread like this over the levels."""
    return sum(share * points_of(level) for level, share in enumerate(shares, start=1))


def long_run_shares(satisfaction: Satisfaction, shift: float) -> list[float]:
    """Return the stationary shares of the levels under a lasting shift.

    As many move up from a level as move down from the next: ``share[k+1]/share[k] = up[k]/down[k+1]``. Where nobody
    moves down again, all end up above.
    """
    shares = [1.0]
    for level in range(1, 5):
        up, _ = level_odds(satisfaction, level, shift)
        _, down = level_odds(satisfaction, level + 1, shift)
        if down > 0:
            shares.append(shares[-1] * up / down)
        elif up > 0:
            shares = [0.0] * level + [1.0]
        else:
            shares.append(0.0)
    return [share / sum(shares) for share in shares]


def long_run_of_who_stays(satisfaction: Satisfaction, shift: float, leaving: float) -> list[float]:
    """Return the shares of levels that a closed cohort ends up with, among those who are still there.

    They shrink by one factor ``g`` a period: ``g share[k]`` is what comes to ``k`` from itself and from both sides.
    Given ``g`` that tells each level's share from the one below; the right ``g`` is the least at which none is below 0.
    Where nobody moves down again, all end up above.
    """
    factor = 1 - satisfaction.defection_per_level
    stay = [math.exp(-leaving * relative(factor, place, satisfaction.mix)) for place in range(5)]
    odds = [level_odds(satisfaction, level, shift, leaving) for level in range(1, 6)]
    first = max([0, *(k for k in range(1, 5) if odds[k][1] == 0 and odds[k - 1][0] > 0)])

    def shares(g: float) -> list[float]:
        found = [1.0]
        for k in range(first, 5):
            up, down = odds[k]
            due = (g - stay[k] * (1 - up - down)) * found[-1]
            if k > first:
                due -= stay[k - 1] * odds[k - 1][0] * found[-2]
            found.append(due if k == 4 else due / (stay[k + 1] * odds[k + 1][1]) if odds[k + 1][1] > 0 else 0.0)
        return found

    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if min(shares(middle)) < 0:
            low = middle
        else:
            high = middle
    found = [0.0] * first + shares(high)[:-1]
    return [share / sum(found) for share in found]


def mean_leaving(scenario: Scenario) -> float:
    """Return the mean defection rate of customers at the start, or else of all people there, or else who are born."""
    people = [(segment, *entry) for segment in scenario.segments.values() for entry in segment.standing]
    customers = [(s, each.count, each.age or 0) for s, stage, each in people if stage in SEEN and each.count > 0]
    anybody = [(s, each.count, 0) for s, _, each in people if each.count > 0]
    born = [(s, float(n), 0) for s in scenario.segments.values() for n in s.births.values() if isinstance(n, float)]
    heads = customers or anybody or born
    return sum(number * _leaving(segment, age) for segment, number, age in heads) / sum(n for _, n, _ in heads)


def _leaving(segment: Segment, age: int) -> float:
    """Return the mean defection rate of those who have stayed so long."""
    law = segment.traits.defection_rate if segment.traits is not None else 0.0
    return law.shape / (law.rate + age) if isinstance(law, Gamma) else law


def employee_slope(scenario: Scenario) -> float:
    """Return the shift per employee point at which ``points`` of them, kept up, bring ``bring`` customer points.

    Found by halving an interval of shifts: a larger one brings more, and a shift of 1 all that there is.
    """
    leaving = mean_leaving(scenario)
    if scenario.satisfaction is not None and leaving * scenario.satisfaction.defection_per_level > 0:
        return _slope(scenario, lambda given, shift: long_run_of_who_stays(given, shift, leaving))
    return _slope(scenario, long_run_shares)


def _slope(scenario: Scenario, long_run: Callable[[Satisfaction, float], list[float]]) -> float:
    employees, satisfaction = scenario.employees, scenario.satisfaction
    if employees is None or satisfaction is None or employees.bring == 0:
        return 0.0
    wanted = mean_points(long_run(satisfaction, 0.0)) + employees.bring
    low, high = 0.0, 1.0
    if mean_points(long_run(satisfaction, high)) < wanted:
        raise ValueError("no employee satisfaction brings that many points")
    for _ in range(200):
        middle = (low + high) / 2
        if mean_points(long_run(satisfaction, middle)) < wanted:
            low = middle
        else:
            high = middle
    return high / employees.points


def turnover_factor(employees: Employees, points: float) -> float:
    """Return how many times as many employees as usual leave at so many points of satisfaction."""
    return 1.0 if employees.turnover is None else (1 - employees.turnover.falls) ** (points - employees.usual)


def cost_of_leavers(employees: Employees, points: float) -> float:
    """Return what replacing employees who leave costs a true customer: nobody leaves twice in a period."""
    stated = employees.turnover
    if stated is None:
        return 0.0
    return stated.per_customer * stated.cost * min(1.0, stated.usual * turnover_factor(employees, points))


def entry_level(satisfaction: Satisfaction, u: float) -> int:
    """Return the level at which somebody with the draw ``u`` enters: as stated, or drawn from the mix."""
    if satisfaction.entry is not None:
        return satisfaction.entry
    level, share = 1, satisfaction.mix[0]
    while u >= share and level < 5:
        level += 1
        share += satisfaction.mix[level - 1]
    return level


def relative(factor: float, place: int, mix: Sequence[float]) -> float:
    """Return ``factor`` to the power of a place, divided by its mean over the mix."""
    return factor**place / sum(share * factor**other for other, share in enumerate(mix))
