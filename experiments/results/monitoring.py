"""What has become of a plan, as an answer: the verdict first."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.monitored import Monitored
from experiments.results.shown import Decided, Table
from experiments.words import monitoring as words
from sim.files import write_text

if TYPE_CHECKING:
    import pandas as pd

    from experiments.tracking.call import Call
    from sim.arrays import Step
    from sim.twin import Twin


__all__ = ["Monitoring"]


@dataclass(frozen=True, eq=False, repr=False)
class Monitoring(Monitored, Decided):
    """What has become of a plan; fields as in :class:`Monitored`, and what takes it to be tracked.

    Examples
    --------
    >>> firm.simulate(plan, replications=1, seed=3).save("seen.csv")
    >>> watched = firm.monitor(plan, "seen.csv", replications=20)
    >>> watched.to_frame().columns.to_list()
    ['kind', 'name', 'period', 'actual', 'planned', 'low', 'high']
    """

    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def pages(self, folder: Path, progress: Step) -> tuple[Path | None, dict[str, bytes]]:
        """Return the page for the run; none is written."""
        from experiments.report.monitor_page import monitor_page

        return None, {"monitor.html": monitor_page(self).encode()}

    def answer(self) -> str:
        """Return the verdict, the money and what moved."""
        said = [words.signal_in_words(each, self.period) for each in words.first_signals(self)]
        lines = [words.headline(self), words.stake(self), *said]
        return "\n".join(lines)

    def notes(self) -> str:
        """Return what the verdict rests on, and what it cannot see."""
        return words.notes(self)

    def shown_table(self) -> Table:
        """Return what is followed, at the last period."""
        return words.followed_table(self)

    def to_frame(self) -> pd.DataFrame:
        """Return every line period by period."""
        import pandas as pd

        parts = [
            pd.DataFrame({
                "kind": line.kind, "name": line.name, "period": range(len(line.actual)), "actual": line.actual,
                "planned": line.planned, "low": line.low, "high": line.high,
            })
            for line in self.lines
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "scenario": self.scenario,
            "periods": self.periods,
            "horizon": self.horizon,
            "verdict": self.verdict,
            "says": words.headline(self),
            "asset": {"now": self.now, "planned": self.planned, "difference": self.now - self.planned},
            "gain_of_planning_again": self.gain,
            "pays_above": self.pays,
            "moved": [
                {
                    "segment": each.segment, "quantity": each.quantity, "direction": "up" if each.up else "down",
                    "since": each.since, "noticed": each.noticed, "actual": each.actual, "planned": each.planned,
                    "strength": each.strength,
                }
                for each in self.signals
            ],
            "estimated": [] if self.change is None else [
                {"route": s.route, "size": s.size, "start": s.start, "segments": list(s.segments)}
                for s in self.change.shocks
            ],
            "seasons_earlier": 0 if self.change is None else self.change.phase,
            "lines": [
                {
                    "kind": line.kind, "name": line.name, "actual": line.actual.tolist(),
                    "planned": line.planned.tolist(), "low": line.low.tolist(), "high": line.high.tolist(),
                    "slope": line.slope, "slope_planned": line.slope_planned, "slope_low": line.slope_low,
                    "slope_high": line.slope_high,
                }
                for line in self.lines
            ],
            "plan_changes": [
                {"segment": s, "lever": k, "pays": self.pays_of.get(k, "budget"), "before": before, "after": after}
                for s, k, before, after in self.moved
            ],
            "false_alarms": {"a_year": self.rate, "share_of_markets": self.share, "replications": self.replications},
            "not_seen": list(self.unseen),
        }  # fmt: skip

    def report(self, path: str | Path) -> None:
        """Write the page: offline, the verdict first.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        from experiments.report.monitor_page import monitor_page

        write_text(Path(path), monitor_page(self))
