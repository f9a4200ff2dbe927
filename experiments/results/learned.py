"""What evidence says of curves, as a result: what is known, what is not, and the scenario that says so."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sim.responses.learn
from experiments.results.shown import Decided, Table
from experiments.told import Told
from experiments.words.evidence import curves_table, learned_answer, learned_text
from sim.errors import FolderError, InputError
from sim.files import check_output, write_text

if TYPE_CHECKING:
    from experiments.tracking.call import Call
    from sim.twin import Twin

__all__ = ["Learned"]

HEADER = """\
# A scenario of Tenure, with curves as evidence has them: `evidence:` says where each comes from, `uncertain:` has its
# 95 % intervals, which `tenure risk` plans for. Comments of the scenario before are not in it.
"""


@dataclass(frozen=True, eq=False, repr=False)
class Learned(Decided, Told, sim.responses.learn.Learned):
    r"""A scenario whose curves are as evidence has them.

    Examples
    --------
    >>> from pathlib import Path
    >>> rows = ["lever,moves,spend,outcome,customers"]
    >>> rows += ["retention,survival,0,0.86,2000", "retention,survival,0.5,0.90,2000"]
    >>> _ = Path("test.csv").write_text("\n".join(rows))
    >>> found = firm.learn("test.csv")
    >>> found.effects[0].low > 0
    True
    >>> tenure.open(found.save("learned.yaml")).scenario.evidence[0].customers
    4000
    """

    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return what was learned in a sentence."""
        return learned_answer(self)

    def shown_table(self) -> Table:
        """Return what is known of each curve at each intensity."""
        return curves_table(self)

    def to_text(self) -> str:
        """Return what people read."""
        return learned_text(self)

    def figures(self) -> dict[str, float]:
        """Return each curve at each intensity with its interval; what unlimited money does under that name."""
        found: dict[str, float] = {"curves": float(len({each[:3] for each in self.curves}))}
        for each in self.curves:
            at = "unlimited" if math.isinf(each.at) else f"{each.at:g}"
            name = "/".join(filter(None, (each.lever, each.segment, each.moves, at)))
            found |= {f"value/{name}": each.value, f"low/{name}": each.low, f"high/{name}": each.high}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; unlimited money as a word."""
        curves = [each._asdict() for each in self.curves]
        return {
            "curves": [row | {"at": "unlimited" if math.isinf(row["at"]) else row["at"]} for row in curves],
            "effects": [each._asdict() for each in self.effects],
            "of_late": [each._asdict() for each in self.of_late],
            "won_by_money": [each._asdict() for each in self.selected],
            "spill_over": [each._asdict() for each in self.spills],
            "notes": list(self.notes),
        }

    def plot(self, path: str | Path, lang: str = "en") -> Path:
        """Draw data, curve and band of each curve into an SVG file; one that is there is written over.

        ``lang``: en or zh.

        Raises
        ------
        InputError
            If the file's name does not end with ``.svg``, or there is no such language.
        """
        from experiments.report.learned import curves_svg

        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise InputError(f"`plot={path}`: curves are drawn as SVG; give a name that ends with .svg")
        check_output(path)
        write_text(path, curves_svg(self.drawn, lang))
        return path

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the scenario, with the places of its files as seen from there.

        Raises
        ------
        FolderError
            If it cannot be written, or is there already (without ``force``).
        """
        import yaml

        path = Path(path)
        check_output(path)
        if path.exists() and not force:
            raise FolderError(
                f"{path} is there already; choose another name with `output=`, or `force=True` to write over it"
            )
        content = dict(self.content)
        if self.scenario.base is not None:
            content["base"] = dict(content["base"])
            here = path.resolve().parent
            content["base"]["file"] = os.path.relpath((self.scenario.folder / self.scenario.base.file).resolve(), here)
            own = self.scenario.base.segments
            if own is not None and own.file is not None:
                moved = os.path.relpath((self.scenario.folder / own.file).resolve(), here)
                content["base"]["segments"] = {**content["base"]["segments"], "file": moved}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118, default_flow_style=None)
        write_text(path, HEADER + text)
        return path
