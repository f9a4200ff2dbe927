"""Keys: the same key, the same bits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from experiments.tracking.content import running_code

__all__ = ["joined", "unit_key"]


def unit_key(
    scenario_hash: str,
    policies: Sequence[str],
    *,
    budget: float,
    seed: int,
    replications: int,
    traits: str = "individual",
    proof: Sequence[tuple[str, float, int]] = (),
    code: str | None = None,
) -> str:
    """Return the SHA-256 of all that a run's figures follow from: the same key, the same bits on machines of a kind.

    Parameters
    ----------
    scenario_hash
        Of the scenario, with what its base holds.
    policies
        What the policies are (:attr:`experiments.compare.Outcome.content`): the reference that the run measures
        against, then the run's own; of a study all, in their order.
    budget, seed, replications, traits
        As in :func:`experiments.compare.compare`.
    proof
        Figures of a plan that the run shows beside what was simulated.
    code
        Version of the code and of what it computes with; None: of what runs.
    """
    facts = {
        "scenario": scenario_hash, "policies": list(policies), "budget": float(budget).hex(), "seed": seed,
        "replications": replications, "traits": traits, "proof": [(name, value.hex()) for name, value, _ in proof],
        "code": running_code() if code is None else code,
    }  # fmt: skip
    return joined(facts)


def joined(*facts: object) -> str:
    """Return the SHA-256 of plain data."""
    content = facts[0] if len(facts) == 1 else list(facts)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
