"""A small market whose levers have limits of what one customer gets: money, contacts."""

from typing import Any

Content = dict[str, Any]

PEOPLE = ["new", "developing", "core"]


def headed_market(most: float | None = None, contacts: float | None = None, periods: int = 3) -> Content:
    """Return customers to keep and to develop, and prospects to win, each lever with a limit if one is given."""
    levers: Content = {
        "care": {
            "targets": PEOPLE, "reference": 1, "cost_per_contact": 0.5,
            "moves": {"survival": {"without_money": 0.90, "unlimited_money": 0.99, "spend": 1, "brings": 0.95}},
        },
        "offers": {
            "targets": PEOPLE, "reference": 0.5, "cost_per_contact": 0.2,
            "moves": {"purchase_rate": {"without_money": 0, "unlimited_money": 0.4, "spend": 1, "brings": 0.15}},
        },
        "winning": {
            "targets": ["prospect"], "reference": 1,
            "moves": {"acquisition": {"without_money": 0.002, "unlimited_money": 0.1, "spend": 1, "brings": 0.03}},
        },
    }  # fmt: skip
    if most is not None:
        levers["care"]["most"] = most
    people = {"start": {"prospect": 1500, "new": 800}}
    traits = {"purchase_rate": 1.0, "defection_rate": 0.05, "spend": 40.0}
    return {
        "name": "limits of a head", "periods": periods, "margin": 0.5, "law": "contractual",
        "segments": {"few": {**people, "traits": traits}, "many": {**people, "traits": {**traits, "spend": 60.0}}},
        "levers": levers, "rules": {} if contacts is None else {"contacts": contacts},
    }  # fmt: skip
