"""Small markets that several tests share."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Content = dict[str, Any]

MIXED = {
    "purchase_rate": {"shape": 0.8, "rate": 2.0},
    "defection_rate": {"shape": 0.7, "rate": 3.0},
    "spend": {"p": 6.0, "q": 4.0, "gamma": 15.0},
}

SMALL_MARKET: Content = {
    "name": "small market",
    "periods": 8,
    "margin": 0.4,
    "loss": 0.05,
    "stages": {"core": 3, "declining": 2, "lapsed": 3},
    "segments": {
        "regulars": {"start": {"new": 20_000}, "traits": MIXED},
        "fresh": {
            "start": {"unaware": 20_000, "prospect": 10_000},
            "traits": {
                "purchase_rate": {"shape": 0.553, "rate": 2.4},
                "defection_rate": {"shape": 0.606, "rate": 2.7},
                "spend": {"p": 6.0, "q": 4.0, "gamma": 12.0},
            },
        },
    },
    "levers": {
        "awareness": {
            "targets": ["unaware"],
            "reference": 0.02,
            "moves": {
                "awareness": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.02, "brings": 0.02},
            },
        },
        "acquisition": {
            "targets": ["prospect"],
            "reference": 0.5,
            "moves": {
                "acquisition": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.5, "brings": 0.03},
            },
        },
        "development": {
            "targets": ["new", "developing", "core"],
            "reference": 0.2,
            "moves": {
                "purchase_rate": {"without_money": 0, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.1},
                "amount": {"without_money": 0, "unlimited_money": 0.1, "spend": 0.2, "brings": 0.03},
            },
        },
        "retention": {
            "targets": ["new", "developing", "core", "declining"],
            "reference": 0.3,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.9}},
        },
        "winback": {
            "targets": ["declining", "lapsed"],
            "reference": 0.1,
            "moves": {"reactivation": {"without_money": 0, "unlimited_money": 0.2, "spend": 0.1, "brings": 0.03}},
        },
    },
    "competitors": [{"name": "rival", "start": 3, "route": "defection", "strength": 0.3}],
}

PLAIN_TRAITS = {
    "regulars": {"purchase_rate": 0.6, "defection_rate": 0.1, "spend": 30.0},
    "fresh": {"purchase_rate": 0.4, "defection_rate": 0.15, "spend": 40.0},
}


@pytest.fixture(scope="session")
def market() -> Callable[..., Content]:
    """Return a maker of scenarios: two segments, five levers, a rival; keywords replace top-level keys.

    ``plain=True``: customers of a segment do not differ, so that there is one trait class each.
    """

    def make(*, plain: bool = False, **changes: Any) -> Content:
        content = copy.deepcopy(SMALL_MARKET)
        if plain:
            for name, traits in PLAIN_TRAITS.items():
                content["segments"][name]["traits"] = dict(traits)
        return {**content, **copy.deepcopy(changes)}

    return make


@pytest.fixture
def tenure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Return what runs a command in an empty folder: exit code, standard output and standard error."""
    from experiments.cli.app import main

    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path | float) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tenure", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), *capsys.readouterr()

    return run
