"""The Pareto/NBD's hypergeometric tail and the likelihood's slopes, compiled.

``F(1, b; c; z)`` for ``0 < b < c`` and ``0 <= z < 1`` by Gauss's continued fraction,

    1 / F = 1 - k_1 z / (1 - k_2 z / (1 - ...)),
    k_{2m+1} = (b+m)(c-1+m) / ((c-1+2m)(c+2m)),   k_{2n} = n (c-1-b+n) / ((c-2+2n)(c-1+2n)),

evaluated forwards (Lentz 1976) with its derivatives, until neither moves in double precision.
"""

import math

from sim.engine.compile import inlined, inner, kernel

MOST_STEPS = 20_000
"""Of the fraction: some 40 at z = .8, 4,000 at 1 - 1e-5."""
LAST, SMALL = 1e-16, 1e-200


@inlined
def _coefficient(step, b, c):
    """Return ``k_step`` and the slopes of its logarithm by b and c."""
    if step % 2 == 1:
        m = (step - 1) // 2
        up, down = c - 1 + 2 * m, c + 2 * m
        k = (b + m) * (c - 1 + m) / (up * down)
        return k, 1 / (b + m), 1 / (c - 1 + m) - 1 / up - 1 / down
    n = step // 2
    up, down = c - 2 + 2 * n, c - 1 + 2 * n
    rest = c - 1 - b + n
    return n * rest / (up * down), -1 / rest, 1 / rest - 1 / up - 1 / down


@inner
def log_fraction(b, c, z):
    """Return ``log F(1, b; c; z)``; nan where the fraction does not end."""
    numerator, denominator, product, log_g = 1.0, 0.0, 1.0, 0.0
    for step in range(1, MOST_STEPS if z > 0.0 else 1):
        k, _, _ = _coefficient(step, b, c)
        denominator = 1.0 / (1.0 - k * z * denominator)
        numerator = 1.0 - k * z / numerator
        change = numerator * denominator
        product *= change
        if product < SMALL:
            log_g += math.log(product)
            product = 1.0
        if abs(change - 1.0) <= LAST:
            return -(log_g + math.log(product))
    return math.nan if z > 0.0 else 0.0


@inner
def log_fraction_slopes(b, c, z):
    """Return ``log F(1, b; c; z)`` and its slopes by b, c and z."""
    if z <= 0.0:
        return 0.0, 0.0, 0.0, b / c
    numerator, by_b, by_c, by_z = 1.0, 0.0, 0.0, 0.0
    denominator, also_b, also_c, also_z = 0.0, 0.0, 0.0, 0.0
    log_g, product, slope_b, slope_c, slope_z = 0.0, 1.0, 0.0, 0.0, 0.0
    for step in range(1, MOST_STEPS):
        k, k_b, k_c = _coefficient(step, b, c)
        a = -k * z
        a_b, a_c, a_z = a * k_b, a * k_c, -k
        new = 1.0 / (1.0 + a * denominator)
        also_b = -(new * new) * (a_b * denominator + a * also_b)
        also_c = -(new * new) * (a_c * denominator + a * also_c)
        also_z = -(new * new) * (a_z * denominator + a * also_z)
        denominator = new
        over = 1.0 / numerator
        by_b = over * (a_b - a * over * by_b)
        by_c = over * (a_c - a * over * by_c)
        by_z = over * (a_z - a * over * by_z)
        numerator = 1.0 + a * over
        change = numerator * denominator
        step_b = by_b / numerator + also_b / denominator
        step_c = by_c / numerator + also_c / denominator
        step_z = by_z / numerator + also_z / denominator
        slope_b, slope_c, slope_z = slope_b + step_b, slope_c + step_c, slope_z + step_z
        product *= change
        if product < SMALL:
            log_g += math.log(product)
            product = 1.0
        small = LAST * (1.0 + abs(slope_b) + abs(slope_c) + abs(slope_z))
        if abs(change - 1.0) <= LAST and abs(step_b) + abs(step_c) + abs(step_z) <= small:
            return -(log_g + math.log(product)), -slope_b, -slope_c, -slope_z
    return math.nan, math.nan, math.nan, math.nan


@kernel
def log_tails(law, x, t, out):
    """Fill ``out`` with log of the integral over tau from t to infinity of ``(alpha+tau)^-(r+x) (beta+tau)^-(s+1)``.

    ``law``: r, alpha, s, beta; ``x, t, out``: (pairs,).
    """
    r, alpha, s, beta = law
    for i in range(len(x)):
        total = r + s + x[i]
        if alpha >= beta:
            series = log_fraction(r + x[i], total + 1, (alpha - beta) / (alpha + t[i]))
            first, second = r + x[i], s
        else:
            series = log_fraction(s + 1, total + 1, (beta - alpha) / (beta + t[i]))
            first, second = r + x[i] - 1, s + 1
        out[i] = series - math.log(total) - first * math.log(alpha + t[i]) - second * math.log(beta + t[i])


@kernel
def log_tails_slopes(law, x, t, out, slopes):
    """As :func:`log_tails`, with ``slopes[pair]`` by r, alpha, s and beta."""
    r, alpha, s, beta = law
    for i in range(len(x)):
        total = r + s + x[i]
        of_alpha, of_beta = alpha + t[i], beta + t[i]
        log_alpha, log_beta = math.log(of_alpha), math.log(of_beta)
        if alpha >= beta:
            series, by_b, by_c, by_z = log_fraction_slopes(r + x[i], total + 1, (alpha - beta) / of_alpha)
            first, second = r + x[i], s
            slopes[i, 0], slopes[i, 2] = by_b + by_c, by_c
            slopes[i, 1], slopes[i, 3] = by_z * of_beta / of_alpha**2, -by_z / of_alpha
        else:
            series, by_b, by_c, by_z = log_fraction_slopes(s + 1, total + 1, (beta - alpha) / of_beta)
            first, second = r + x[i] - 1, s + 1
            slopes[i, 0], slopes[i, 2] = by_c, by_b + by_c
            slopes[i, 1], slopes[i, 3] = -by_z / of_beta, by_z * of_alpha / of_beta**2
        out[i] = series - math.log(total) - first * log_alpha - second * log_beta
        slopes[i, 0] -= 1 / total + log_alpha
        slopes[i, 2] -= 1 / total + log_beta
        slopes[i, 1] -= first / of_alpha
        slopes[i, 3] -= second / of_beta


@kernel
def likelihood_slopes(law, counts, ends, lasts, gamma_slope, slope):
    """Return the log-likelihood of all records, and fill ``slope`` by r, alpha, s and beta.

    ``L = exp(common) (exp(alive) + gone)``, ``gone = s (exp(from last) - exp(from end))``.

    Parameters
    ----------
    ends : (x, T, which, log Gamma(r + x) - log Gamma(r), tail, its slopes)
        By distinct pairs; ``which`` by record.
    lasts : (which, tail, its slopes)
    gamma_slope : (pairs,)
        ``psi(r + x) - psi(r)``.
    """
    r, alpha, s, beta = law
    xs, times, at_end, gammas, end_tails, end_slopes = ends
    at_last, last_tails, last_slopes = lasts
    whole = 0.0
    slope[:] = 0.0
    for i in range(len(counts)):
        j, k = at_end[i], at_last[i]
        x, end = xs[j], times[j]
        log_alpha, log_beta = math.log(alpha + end), math.log(beta + end)
        common = gammas[j] + r * math.log(alpha) + s * math.log(beta)
        alive = -(r + x) * log_alpha - s * log_beta
        apart = min(end_tails[j] - last_tails[k], 0.0)
        left = -math.expm1(apart)
        weight, value = 0.0, alive
        if left > 0.0:
            gone = math.log(s) + last_tails[k] + math.log(left)
            high = max(alive, gone)
            value = high + math.log(math.exp(alive - high) + math.exp(gone - high))
            weight = math.exp(gone - value)
        here = 1.0 - weight
        number = counts[i]
        whole += number * (common + value)
        ratio = math.exp(apart) / left if left > 0.0 else 0.0
        slope[0] += number * (gamma_slope[j] + math.log(alpha) - here * log_alpha)
        slope[1] += number * (r / alpha - here * (r + x) / (alpha + end))
        slope[2] += number * (math.log(beta) - here * log_beta)
        slope[3] += number * (s / beta - here * s / (beta + end))
        if weight > 0.0:
            slope[2] += number * weight / s
            for m in range(4):
                slope[m] += number * weight * (last_slopes[k, m] - ratio * (end_slopes[j, m] - last_slopes[k, m]))
    return whole
