"""A small shop whose plans are solved fast, with names that pages and spreadsheets must not take for more."""

from typing import Any

SHOP: dict[str, Any] = {
    "name": "=shop <b>",
    "currency": "EUR",
    "periods": 4,
    "margin": 0.5,
    "stages": {"core": 2, "declining": 1, "lapsed": 2},
    "segments": {
        name: {
            "start": {"prospect": 2000, "new": people},
            "traits": {"purchase_rate": 0.5, "defection_rate": rate, "spend": 20.0},
        }
        for name, people, rate in (("town", 1500, 0.08), ("=country, far", 1000, 0.12))
    },
    "levers": {
        "adverts": {
            "targets": ["prospect"],
            "reference": 0.3,
            "moves": {"acquisition": {"without_money": 0.004, "unlimited_money": 0.06, "spend": 0.5, "brings": 0.02}},
        },
        "care": {
            "targets": ["new", "developing", "core"],
            "reference": 0.3,
            "moves": {"survival": {"without_money": 0.88, "unlimited_money": 0.97, "spend": 0.3, "brings": 0.92}},
        },
    },
    "rules": {"slices": {"kept": {"levers": ["care"], "floor_share": 0.8}}},
}
