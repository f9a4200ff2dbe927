"""A small study's files that several tests ask."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from markets import SMALL
from studies import TRACKED

from optimizer.ask.kept import Broken

SHORT = SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 3").replace("awareness: {floor: 0.02}", "")
BLANK: dict[str, Any] = {
    "by_period": [0.0], "alive": [1.0], "by_segment": [0.0], "by_lever": [0.0], "after": 0.0, "segments": ["all"],
    "levers": ["idle"], "notes": [], "broken": None, "expected": 0.0, "feedback": False, "budget": 100.0,
    "written": None,
}  # fmt: skip
"""What is found of a unit, but for its assets."""
BUDGET = [asdict(Broken("budget", "", 1, "money", "", "<=", 100.0, 130.0, "", True))]
"""What is said of a policy that spends 30 too much."""
RIVAL = {"name": "rival", "start": 1, "route": "defection", "strength": 0.2}


def asked(**changes: Any) -> dict[str, Any]:
    """Return a study of two worlds and two policies, with changes."""
    content: dict[str, Any] = {
        "name": "two worlds",
        "worlds": {"base": "scenario.yaml", "rival": {"from": "base", "set": {"competitors": [RIVAL]}}},
        "policies": ["as today", "even split"],
        "replications": 2,
        "seed": 1,
    }
    return {**content, **changes}


def scenario_in(folder: Path) -> Path:
    """Write the small market of three months, without the rules that today's spend would break."""
    path = folder / "scenario.yaml"
    path.write_text(SHORT, encoding="utf-8")
    return path


def quick_scenario_in(folder: Path) -> Path:
    """Write a market whose customers do not differ: it takes little work to ask."""
    folder.mkdir(exist_ok=True)
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(TRACKED, sort_keys=False), encoding="utf-8")
    return path


def stored(folder: Path) -> dict[str, bytes]:
    """Return every finished unit as it lies in the store."""
    return {path.name: path.read_bytes() for path in sorted((folder / "units").rglob("[!.]*.json"))}
