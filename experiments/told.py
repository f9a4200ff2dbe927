"""What an answer is whose run shows its text, a table and figures."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Told"]


class Told(ABC):
    """An answer that is told: its run shows its text, a table and figures; what its ``to_dict`` says are its bits."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """Return the numbers that the run shows, the most telling first."""
