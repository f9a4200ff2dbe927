"""What money brings through a curve, in plain Python."""

from sim.scenario.curves import Curve


def curve_value(curve: Curve, money: float) -> float:
    """Return ``f`` of a curve at an intensity."""
    low, high = curve.without_money, curve.unlimited_money
    if curve.shape == "blattberg-deighton":
        return float(high - (high - low) * ((high - curve.brings) / (high - low)) ** (money / curve.spend))
    if curve.shape == "adbudg":
        share = (curve.brings - low) / (high - low)
        d = curve.spend**curve.steepness * (1 - share) / share
        return float(low + (high - low) * money**curve.steepness / (d + money**curve.steepness))
    if curve.shape == "hill":
        power = money**curve.steepness
        return float(low + (high - low) * power / (curve.half**curve.steepness + power))
    for (u, f), (next_u, next_f) in zip(curve.points, curve.points[1:], strict=False):
        if money <= next_u:
            return float(f + (next_f - f) * (money - u) / (next_u - u))
    return float(high)


def response(curve: Curve, money: float, reach: float) -> float:
    """Return ``reach f(u) + (1 - reach) f(0)``: those who cannot be addressed respond as to no money."""
    return reach * curve_value(curve, money) + (1 - reach) * curve_value(curve, 0.0)
