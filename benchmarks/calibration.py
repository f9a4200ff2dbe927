"""What calibration costs: a million customers fitted, five million rows of CSV to a scenario, a large base summarised.

Run ``python -m benchmarks.calibration [--customers N] [--rows N] [--summarise N] [--json]`` from the repository root.
Customers are drawn from the laws that are then fitted (Pareto/NBD and gamma-gamma, fixed seed), over two years of days.
Seconds are the process's own, of all threads; elapsed seconds stand beside them. With ``--summarise 100_000_000`` a
base of so many rows is made inside DuckDB first (half a gigabyte), and every customer's record computed of it: the
process's most memory by then is printed.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from experiments.study.calibrate import calibrate
from sim.customers.calibration import fit_gamma_gamma, fit_pareto_nbd
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["base_of_rows", "csv_of_rows", "main", "records"]

WEEKS, START, END = 104, date(2023, 1, 2), date(2024, 12, 29)
BUYING, AMOUNTS = ParetoNBD(r=0.6, alpha=9.0, s=0.7, beta=14.0), GammaGamma(p=6.0, q=4.0, gamma=15.0)


def records(number: int, seed: int = 1) -> PurchaseSummary:
    """Draw records of customers who came at any day of the first year."""
    random = np.random.default_rng(seed)
    age = random.integers(364, 728, number) / 7.0
    rate = random.gamma(BUYING.r, 1 / BUYING.alpha, number)
    lives = np.minimum(random.exponential(1 / random.gamma(BUYING.s, 1 / BUYING.beta, number)), age)
    frequency = random.poisson(rate * lives)
    recency = np.where(frequency > 0, lives * random.random(number) ** (1 / np.maximum(frequency, 1)), 0.0)
    recency = np.floor(recency * 7) / 7.0  # days
    money = random.gamma(AMOUNTS.p * np.maximum(frequency, 1)) / random.gamma(AMOUNTS.q, 1 / AMOUNTS.gamma, number)
    mean = np.where(frequency > 0, money / np.maximum(frequency, 1), 0.0)
    return PurchaseSummary(np.arange(number), frequency, recency, age, mean, frequency + 1, np.maximum(mean, 1.0), END)


def csv_of_rows(path: Path, number: int, seed: int = 1) -> None:
    """Write purchases of a twelfth as many customers as rows, who buy at their own rates."""
    random = np.random.default_rng(seed)
    share = random.gamma(0.7, 1.0, max(number // 12, 100))
    who = np.sort(random.choice(len(share), number, p=share / share.sum()))
    first, stays = random.integers(0, 364, len(share)), random.exponential(300, len(share))
    day = first[who] + (random.random(number) * np.minimum(stays, 727 - first)[who]).astype(np.int64)
    mean = 45.0 / random.gamma(4.0, 0.33, len(share))
    amount = np.round(random.gamma(6.0, mean[who] / 6.0) + 0.01, 2)
    with duckdb.connect() as connection:
        connection.register("drawn", {"who": who, "day": day, "amount": amount})
        connection.execute(
            f"COPY (SELECT who + 10000 AS customer_id, DATE '{START}' + CAST(day AS INTEGER) AS order_date, amount "
            f"FROM drawn ORDER BY day) TO '{path}' (HEADER)"
        )


def base_of_rows(path: Path, number: int) -> CustomerBase:
    """Return a base that was loaded with a few rows, with so many more of a twelfth as many customers."""
    few = path.with_suffix(".csv")
    csv_of_rows(few, 1_000)
    CustomerBase.create(path, few)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SELECT setseed(0.5)")
        connection.execute(
            f"INSERT INTO purchases(customer_id, date, amount, in_sample) "
            f"SELECT 1000000 + CAST(floor({number // 12} * random() * random()) AS BIGINT), "
            f"DATE '{START}' + CAST(floor(728 * random()) AS INTEGER), round(10 + 90 * random(), 2), true "
            f"FROM range({number})"
        )
    return CustomerBase.open(path)


def summarised(number: int) -> dict[str, float]:
    """Return what every customer's record of so many rows costs, in seconds and memory."""
    with tempfile.TemporaryDirectory() as folder:
        base = base_of_rows(Path(folder, "base.duckdb"), number)
        summary, took = timed(lambda: base.summarise(END))
    return {
        **took,
        "customers": len(summary),
        "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def timed(what: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what a call returns, and the seconds it took."""
    begun, clock = time.process_time(), time.perf_counter()
    found = what()
    return found, {"cpu_seconds": time.process_time() - begun, "elapsed_seconds": time.perf_counter() - clock}


def main(words: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--summarise", type=int, default=0, help="rows of a base to summarise; 0: none")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(words)
    summarising = summarised(asked.summarise) if asked.summarise else {}
    summary = records(asked.customers)
    buying, of_buying = timed(lambda: fit_pareto_nbd(summary))
    amounts, of_amounts = timed(lambda: fit_gamma_gamma(summary))
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        file, last = Path(folder, "orders.csv"), [("start", time.process_time())]
        csv_of_rows(file, asked.rows)

        def step(what: str, *_: Any) -> Callable[[float], None]:
            now = time.process_time()
            steps[last[0][0]] = steps.get(last[0][0], 0.0) + now - last[0][1]
            last[0] = (what, now)
            return lambda _: None

        last[0] = ("start", time.process_time())
        _, of_rows = timed(lambda: calibrate(file, Path(folder, "scenario.yaml"), progress=step))
        step("end")
    found = {
        "customers": asked.customers,
        "pareto_nbd": {**of_buying, "r": buying.r, "alpha": buying.alpha, "s": buying.s, "beta": buying.beta},
        "gamma_gamma": {**of_amounts, "p": amounts.p, "q": amounts.q, "gamma": amounts.gamma},
        "rows": asked.rows,
        "csv_to_scenario": of_rows,
        "steps": steps,
        "rows_summarised": asked.summarise,
        "summarise": summarising,
    }
    if asked.json:
        print(json.dumps(found, indent=2))
        return found
    for name, law, drawn in (("Pareto/NBD", of_buying, buying), ("gamma-gamma", of_amounts, amounts)):
        print(
            f"{name}, {asked.customers:,} customers: {law['cpu_seconds']:.1f} s CPU "
            f"({law['elapsed_seconds']:.1f} elapsed): {drawn}"
        )
    print(f"drawn from {BUYING} and {AMOUNTS}")
    print(f"{asked.rows:,} rows of CSV to a scenario: {of_rows['cpu_seconds']:.1f} s CPU "
          f"({of_rows['elapsed_seconds']:.1f} elapsed)")  # fmt: skip
    if summarising:
        print(
            f"{asked.summarise:,} rows of a base summarised to {summarising['customers']:,} customers: "
            f"{summarising['cpu_seconds']:.1f} s CPU ({summarising['elapsed_seconds']:.1f} elapsed), at most "
            f"{summarising['most_memory_mb']:,.0f} MB"
        )
    for what, seconds in steps.items():
        print(f"  {what}: {seconds:.1f} s CPU")
    return found


if __name__ == "__main__":
    main()
