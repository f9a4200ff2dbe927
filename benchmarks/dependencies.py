"""The tests with the oldest versions that pyproject.toml admits, and with the newest that the index has.

Run ``python -m benchmarks.dependencies [words for pytest]`` from the repository root; both ends take as long as the
tests do, twice, and some minutes to install. Two environments are made in a temporary folder with the Python that runs
this; the versions of both are printed side by side, then how the tests ended. Exit code 1 if they did not pass.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "test"
"""What the tests need beside the package itself."""


def lower_bounds() -> list[str]:
    """Return each direct requirement of package and tests as its lower bound: ``name==version``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = []
    for requirement in [*project["dependencies"], *project["optional-dependencies"][EXTRAS]]:
        found = re.match(r"([\w.-]+)(?:\[[\w,]+\])?\s*>=\s*([\w.]+)", requirement)
        if found is None:
            raise SystemExit(f"pyproject.toml: {requirement!r} has no lower bound; state one as name>=version")
        pins.append(f"{found[1]}=={found[2]}")
    return pins


def environment(folder: Path) -> dict[str, str]:
    """Return this process's environment without what would lead to other packages, or to compiled kernels."""
    clean = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}
    return {**clean, "XDG_CACHE_HOME": str(folder / "cache")}


def tried(folder: Path, pins: list[str], words: list[str]) -> tuple[dict[str, str], bool, float]:
    """Install package and tests with these pins, run the tests; return versions, whether all passed, and seconds."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    held = folder / "pins.txt"
    held.write_text("\n".join(pins), encoding="utf-8")
    quiet = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    around = environment(folder)
    subprocess.run([*quiet, "install", "-c", str(held), "-e", f"{ROOT}[{EXTRAS}]"], env=around, check=True)
    listed = subprocess.run(
        [*quiet, "list", "--format=freeze"], env=around, check=True, stdout=subprocess.PIPE, text=True
    )
    versions = dict(line.split("==", 1) for line in listed.stdout.split() if "==" in line)
    began = time.perf_counter()
    done = subprocess.run([python, "-m", "pytest", *words], cwd=ROOT, env=around, check=False)
    return versions, done.returncode == 0, time.perf_counter() - began


def main() -> None:
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        ends = {"oldest": lower_bounds(), "newest": []}
        found = {name: tried(Path(place) / name, pins, words) for name, pins in ends.items()}
    (old, *_), (new, *_) = found.values()
    print(f"\n{'package':<36}{'oldest':>18}{'newest':>18}")
    for package in sorted({*old, *new}, key=str.lower):
        print(f"{package:<36}{old.get(package, '-'):>18}{new.get(package, '-'):>18}")
    print()
    for name, (_, passed, seconds) in found.items():
        print(f"{name}: the tests {'passed' if passed else 'FAILED'} in {seconds:.0f} s")
    sys.exit(0 if all(passed for _, passed, _ in found.values()) else 1)


if __name__ == "__main__":
    main()
