"""What was read and what became of it, in words."""

from collections.abc import Sequence
from typing import Any

from experiments.words.figures import counted
from experiments.words.languages import spoken
from experiments.words.tables import table
from sim.purchases.base import CustomerBase

__all__ = ["ADVICE", "account_rows", "account_text", "advice"]

_ADVICE = {
    "platinum": ("keep, and serve first", "留住，并优先服务"),
    "gold": ("keep, and win what is short of platinum, amount or pace", "留住，并补足与白金级的差距（金额或频率）"),
    "silver A": (
        "ask why they come seldom: narrow range, buying elsewhere, no time",
        "询问为何少来：品类窄、在别处购买、没有时间",
    ),
    "silver B": ("raise pace or amount, whichever money does more for", "提高频率或金额，取投入更有效者"),
    "silver C": ("sell more at a time: sets, a wider range", "提高每次购买量：组合、更宽的品类"),
    "develop": ("try what money does, a little at a time", "少量尝试，看投入有何作用"),
    "optimise": ("serve at less cost, or let go", "降低服务成本，或放手"),
    "golden": ("keep, and reward that they stay", "留住，并回报其忠诚"),
    "at risk": (
        "find out what drives them away, and win them back before they are gone",
        "找出流失原因，并在离开之前赢回",
    ),
    "not to over-service": (
        "serve well for little: they stay anyway and bring little",
        "以低成本做好服务：他们本会留下，带来的也不多",
    ),
    "marginal": ("serve at less cost, or let go", "降低服务成本，或放手"),
    "best": ("offer to them first, and the best", "最先并以最好的条件向其推介"),
    "odd couples": (
        "they buy unasked: fewer contacts, and ask what they would answer to",
        "他们不请自来：减少接触，并询问何种方式有效",
    ),
    "fatal attraction": (
        "they answer and bring little: offers that cost little, or that sell more at a time",
        "有回应但带来不多：采用低成本或提高单次金额的推介",
    ),
    "ghosts": ("contact them seldom and cheaply", "少接触、低成本接触"),
    "high-performing": ("keep, and thank them for whom they bring", "留住，并感谢其带来的客户"),
    "selling": ("ask them to recommend, and make it easy", "请其推荐，并让推荐更容易"),
    "networking": (
        "reward whom they bring, and offer them more for themselves",
        "回报其带来的客户，并为其本人提供更多",
    ),
    "low-performing": (
        "serve at less cost, or give a reason to buy or to recommend",
        "降低服务成本，或给予购买或推荐的理由",
    ),
}
"""What is usually said of each class that is built in, in our words; a plan says what it brings."""
ADVICE = spoken(_ADVICE, "en")


def advice(name: str, language: str = "en") -> str:
    """Return what is usually said of a class that is built in; nothing of other segments."""
    return spoken(_ADVICE, language).get(name, "")


_DIALECT = {"separator": "separated by '{}'", "encoding": "in {}", "decimal": "decimals after '{}'",
            "thousands": "thousands after '{}'", "date_format": "days as {}", "sheet": "sheet {}"}  # fmt: skip


def account_text(base: CustomerBase, remarks: Sequence[str] = ()) -> str:
    """Return each file with its columns and dialect, the table of rows and money, and all that should be said."""
    lines = []
    for source in base.sources:
        columns = ", ".join(f"{role} = {name}" for role, name in source["columns"].items())
        lines.append(f"Read {source['file']}: {counted(source['rows'], 'row')}; {columns}.")
        lines.append(f"  {_dialect(source['dialect'])}")
    lines += ["", table(["rows", "number", "money"], account_rows(base)), ""]
    lines.append(
        f"The base has {counted(base.customers, 'customer')} with {counted(base.rows, 'row')} of purchases from "
        f"{base.first_date} to "
        f"{base.last_date}."
    )
    lines += [f"- {note}" for note in (*base.notes, *remarks)]
    return "\n".join(lines)


def account_rows(base: CustomerBase) -> list[list[str]]:
    """Return the lines of what became of every row that was read, of purchases and of each table beside them."""
    if not base.tables:
        return base.account.to_rows()
    rows = base.account.to_rows("purchases")
    for name, account in base.tables.items():
        rows += account.to_rows(name)
    return rows


def _dialect(dialect: dict[str, Any]) -> str:
    said = [str(dialect["format"])]
    said += [words.format(dialect[key]) for key, words in _DIALECT.items() if dialect.get(key)]
    if dialect.get("header") is False:
        said.append("no header")
    if dialect.get("title_lines"):
        said.append(f"{dialect['title_lines']} lines before the header")
    return ", ".join(said)
