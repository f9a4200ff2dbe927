"""Whom customers may be tied to, and what raises a tie to each: names alone, which policies know without a scenario."""

from typing import Literal, get_args

__all__ = ["KINDS", "TO_KIND", "Kind"]

Kind = Literal["desk", "managers", "experts"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""People whom customers are tied to: at the desk, managers, experts; one kind cannot stand in for another."""
TO_KIND = {f"links_{kind}": kind for kind in KINDS}
"""What a lever moves to raise ties to a kind."""
