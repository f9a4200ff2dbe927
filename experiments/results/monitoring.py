"""What has become of a plan, as an answer: the verdict first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import experiments.monitor
from experiments.monitor import ADJUST, STAY
from experiments.results.shown import Shown, Table
from experiments.words.figures import money, percent
from sim.files import write_text

if TYPE_CHECKING:
    import pandas as pd

    from sim.monitoring.signals import Signal

__all__ = ["Monitoring", "signal_in_words"]

WHAT = {
    "winning": "prospects won", "leaving": "active customers who fell silent or left", "rate": "purchases",
    "amount": "money paid for the purchases made", "satisfaction": "points of satisfaction",
}  # fmt: skip
MOST_MOVED = 6
"""Lines of a new plan that are named."""


@dataclass(frozen=True, eq=False, repr=False)
class Monitoring(experiments.monitor.Monitored, Shown):
    """What has become of a plan; fields as in :class:`experiments.monitor.Monitored`."""

    def _money(self, amount: float, *, signed: bool = False) -> str:
        return f"{money(amount, signed)} {self.currency}".rstrip()

    def headline(self) -> str:
        """Return the verdict in a sentence."""
        if self.verdict == STAY:
            return "Stay with the plan: nothing has moved beyond what luck does."
        if self.verdict == ADJUST and self.plan is None:
            return "Adjust: something has moved that a new plan cannot be made from here; look at it."
        if self.verdict == ADJUST:
            return (
                f"Adjust what you expect and keep the plan: something has moved, and a new plan would bring "
                f"{self._money(self.gain, signed=True)} only, less than the {self._money(self.pays)} that make it worth while."
            )
        return f"Plan again: something has moved, and a new plan brings {self._money(self.gain, signed=True)}."

    def stake(self) -> str:
        """Return what the plan is worth now against what was planned."""
        asset = self.lines[0]
        return (
            f"After {self.periods} of {self.horizon} {self.period}s the customer asset under the plan is "
            f"{self._money(self.now)}, planned {self._money(self.planned)} ({self._money(self.now - self.planned, signed=True)}; "
            f"luck alone: {money(asset.low[-1])} to {money(asset.high[-1])})."
        )

    def answer(self) -> str:
        """Return the verdict, the money and what moved."""
        lines = [self.headline(), self.stake(), *(signal_in_words(each, self.period) for each in self.first_signals())]
        return "\n".join(lines)

    def first_signals(self) -> list[Signal]:
        """Return what has moved, each quantity once, where it shows most clearly."""
        out: dict[tuple[str, bool], Signal] = {}
        for each in self.signals:
            out.setdefault((each.quantity, each.up), each)
        return list(out.values())

    def estimated(self) -> list[str]:
        """Return in words what the new plan takes for granted."""
        if self.change is None:
            return []
        out = [
            f"{shock.route} {shock.size:+.0%} from {self.period} {shock.start + 1} on"
            + (f" in {', '.join(shock.segments)}" if shock.segments else "")
            for shock in self.change.shocks
        ]
        if self.change.phase:
            out.append(f"seasons {self.change.phase} {self.period}s earlier")
        return out

    def notes(self) -> str:
        """Return what the verdict rests on, and what it cannot see."""
        said = [
            f"Tests: an alarm in {percent(self.share)} of markets that run as planned over the whole horizon "
            f"({self.rate:g} a year), all tests together; limits and bands (5 % to 95 %) are from {self.replications} "
            "parallel markets under the plan, and as the scenario has it: errors of the scenario count as changes."
        ]
        if self.estimated():
            said.append(f"Estimated, and taken to last: {'; '.join(self.estimated())}.")
        return " ".join([*said, *self.unseen])

    def shown_table(self) -> Table:
        """Return what is followed, at the last period."""
        rows = [
            [f"{line.name}{' (!)' if line.outside else ''}", f"{line.actual[-1]:,.0f}", f"{line.planned[-1]:,.0f}",
             f"{line.low[-1]:,.0f} to {line.high[-1]:,.0f}", f"{line.slope:+,.4g}",
             f"{line.slope_low:+,.4g} to {line.slope_high:+,.4g}"]
            for line in self.lines
        ]  # fmt: skip
        return ["", "actual", "planned", "by luck", f"slope a {self.period}", "by luck"], rows

    def moved_table(self) -> Table:
        """Return what the new plan changes, the most first."""
        rows = [
            [f"{segment} / {lever}", f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}"]
            for segment, lever, before, after in self.moved[:MOST_MOVED]
        ]
        return ["money still to be spent", "plan", "new plan", "change"], rows

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
            "says": self.headline(),
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
                {"segment": s, "lever": k, "before": before, "after": after} for s, k, before, after in self.moved
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


def signal_in_words(signal: Signal, period: str) -> str:
    """Return what has moved in a sentence."""
    off = f", {signal.actual / signal.planned - 1:+.0%}" if signal.planned > 0 else ""
    return (
        f"{signal.segment}: {'more' if signal.up else 'fewer'} {WHAT[signal.quantity]} than planned since {period} "
        f"{signal.since + 1}: {signal.actual:,.0f} against {signal.planned:,.0f}{off}; noticed after {period} "
        f"{signal.noticed + 1}."
    )
