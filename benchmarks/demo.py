"""Whole-process times of ``tenure``: the demo with an empty and with a full kernel cache, and ``--help``.

Run ``python -m benchmarks.demo [--json]`` from the repository root.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS = {"demo_seconds_cold": 90.0, "demo_seconds_warm": 30.0, "help_seconds": 0.4}


def seconds(words: list[str], cache: Path) -> float:
    """Return the time of one ``tenure`` command as a process of its own."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("NUMBA_CACHE_DIR", None)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "experiments", *words], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        figures = {"demo_seconds_cold": seconds(["demo", "--folder", str(folder / "cold")], folder / "cache")}
        warm = [seconds(["demo", "--folder", str(folder / f"warm{i}")], folder / "cache") for i in range(3)]
        figures["demo_seconds_warm"] = sorted(warm)[1]
        figures["help_seconds"] = min(seconds(["--help"], folder / "cache") for _ in range(5))
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; warm: median of three; help: best of five")
    for name, figure in figures.items():
        print(f"{name:<20} {figure:6.2f} s   target {TARGETS[name]:g} s")


if __name__ == "__main__":
    main()
