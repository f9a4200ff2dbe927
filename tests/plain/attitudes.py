"""Satisfaction, employees and ties to them, one short function per sentence of ``docs/model.md``."""

from collections.abc import Sequence

from sim.scenario.customers import Satisfaction
from sim.scenario.file import Scenario

# --- Satisfaction and employees ---------------------------------------------------------------------------------------


def clip(value: float, low: float, high: float) -> float:
    """Return the value, or the bound that it is beyond."""
    return min(max(value, low), high)


def level_odds(satisfaction: Satisfaction, level: int, shift: float) -> tuple[float, float]:
    """Return the chances of a level up and of a level down: Metropolis' rule, shifted."""
    mix, half = satisfaction.mix, satisfaction.mobility / 2

    def towards(neighbour: int) -> float:
        here = mix[level - 1]
        return half * (min(1.0, mix[neighbour - 1] / here) if here > 0 else 1.0)

    up = clip(towards(level + 1) + shift, 0, 1) if level < 5 else 0.0
    down = clip(towards(level - 1) - shift, 0, 1) if level > 1 else 0.0
    return up, down


def next_level(satisfaction: Satisfaction, level: int, shift: float, u: float) -> int:
    """Return the level after one period of a customer with the draw ``u``."""
    up, down = level_odds(satisfaction, level, shift)
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


def employee_slope(scenario: Scenario) -> float:
    """Return the shift per employee point at which ``points`` of them, kept up, bring ``bring`` customer points.

    Found by halving an interval of shifts: a larger one brings more, and a shift of 1 all that there is.
    """
    employees, satisfaction = scenario.employees, scenario.satisfaction
    if employees is None or satisfaction is None or employees.bring == 0:
        return 0.0
    wanted = mean_points(satisfaction.mix) + employees.bring
    low, high = 0.0, 1.0
    if mean_points(long_run_shares(satisfaction, high)) < wanted:
        raise ValueError("no employee satisfaction brings that many points")
    for _ in range(200):
        middle = (low + high) / 2
        if mean_points(long_run_shares(satisfaction, middle)) < wanted:
            low = middle
        else:
            high = middle
    return high / employees.points


def entry_level(satisfaction: Satisfaction) -> int:
    """Return the level of the newly won and the returned: as stated, or nearest to the mix's mean."""
    if satisfaction.entry is not None:
        return satisfaction.entry
    mean = sum(level * share for level, share in enumerate(satisfaction.mix, start=1))
    return min(range(1, 6), key=lambda level: (round(abs(level - mean), 9), level))


def relative(factor: float, place: int, mix: Sequence[float]) -> float:
    """Return ``factor`` to the power of a place, divided by its mean over the mix."""
    return factor**place / sum(share * factor**other for other, share in enumerate(mix))


# --- Links ------------------------------------------------------------------------------------------------------------


def next_ties(ties: int, turnover: float, follow: float, gain: float, u: float) -> int | None:
    """Return the ties after one period of a customer with the draw ``u``; None: leaves with the employee."""
    loses = 1 - (1 - turnover) ** ties
    gains = gain if ties < 3 else 0.0
    if ties == 1 and u < loses * follow:
        return None
    if u < loses:
        return ties - 1
    return ties + 1 if u >= 1 - (1 - loses) * gains else ties
