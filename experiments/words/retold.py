"""What other rooms say in English, in the language of a page: rules and times, what a bound rests on, names of fits.

The optimiser speaks no language but its own, and a plan's file keeps what it said. Each sentence of its is a pair here
as elsewhere; it is known by its English, whose parts in braces are names and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from experiments.words.languages import LANGUAGES, checked_language
from optimizer import proof

__all__ = ["fit_retold", "proof_retold", "rule_retold", "search_retold", "unit_retold"]

Pairs = Mapping[str, tuple[str, str]]

_RULES: Pairs = {
    "budget": ("budget", "预算"),
    "asset": ("asset", "客户资产"),
    "contacts": ("contacts", "接触次数"),
    "profit": ("profit", "利润"),
    "cash": ("cash", "累计利润"),
    "lever_floor": ("floor of {name}", "{name} 的下限"),
    "lever_cap": ("cap of {name}", "{name} 的上限"),
    "head": ("most of {name} a head", "{name} 人均上限"),
    "campaigns": ("campaigns of {name} in {segment}", "{segment} 的 {name} 活动"),
    "floor": ("{name}: floor", "{name}：下限"),
    "cap": ("{name}: cap", "{name}：上限"),
    "floor_share": ("{name}: floor by share", "{name}：比例下限"),
    "cap_share": ("{name}: cap by share", "{name}：比例上限"),
    "above_today": ("{name}: at most {share} above today", "{name}：至多高于现状 {share}"),
    "below_today": ("{name}: at most {share} below today", "{name}：至多低于现状 {share}"),
    "rise": ("{name}: rise", "{name}：增幅"),
    "fall": ("{name}: fall", "{name}：降幅"),
    "not_more": ("{name}, not more", "{name}，不得超过"),
    "not_less": ("{name}, not less", "{name}，不得低于"),
}
_TIMES: Pairs = {
    "in": ("{rule} in period {number}", "{rule}（第 {number} 期）"),
    "after": ("{rule} after period {number}", "{rule}（第 {number} 期后）"),
    "into": ("{rule} into period {number}", "{rule}（转入第 {number} 期时）"),
    "end": ("{rule} at the end", "{rule}（期末）"),
    "of": ("{rule} of period {number}", "{rule}（第 {number} 期）"),
    "span": ("{rule} of periods {first} to {last}", "{rule}（第 {first} 至 {last} 期）"),
    "up_to": ("{rule} up to {number}", "{rule}（截至第 {number} 期）"),
    "year": ("{rule} of year {number}", "{rule}（第 {number} 年）"),
}
_UNITS: Pairs = {
    "customers": ("customers", "位客户"),
    "points": ("points", "分"),
    "profit": ("of profit", "利润"),
    "contacts": ("contacts", "次接触"),
    "share": ("stated as a share", "以比例设定"),
    "least": ("at least {number} points", "至少 {number} 分"),
}
_SEARCH: Pairs = {
    "bound": ("bound within {part} of lift after {number} prices", "经 {number} 组价格，上界收敛至提升的 {part} 以内"),
    "bound_stopped": ("bound stopped at its limit after {number} prices", "上界在 {number} 组价格后达到计算上限"),
    "plan": ("plan stationary after {number} steps", "方案经 {number} 步收敛"),
    "plan_stopped": ("plan stopped at its limit after {number} steps", "方案在 {number} 步后达到计算上限"),
    "plan_best": (
        "plan stationary after {number} steps, the best of {starts} starts",
        "方案经 {number} 步收敛，为 {starts} 个起点中最优",
    ),
    "plan_stopped_best": (
        "plan stopped at its limit after {number} steps, the best of {starts} starts",
        "方案在 {number} 步后达到计算上限，为 {starts} 个起点中最优",
    ),
    "no_choice": (proof.NO_CHOICE, "全部金额均已固定，没有其他方案"),
}  # fmt: skip
_PROOFS: Pairs = {
    "bound": (
        proof.BOUND_ASSUMES,
        "上界适用于所有不区分公司无法区分的客户（按客群、价值层级和阶段）、在期望意义上符合规则的方案，投入强度不限，"
        "客户特征取自特征类别",
    ),
    "late": (
        proof.NO_BOUND_LATE,
        "营销手段具有记忆时（`of_late`：延续效应、疲劳、提前购买、客户被赶走）没有上界成立：参照值为完全信息下、"
        "所有投入立即生效且无人"
        "疲劳时的最优，方案可能更好",
    ),
    "crowd": (
        proof.NO_BOUND,
        "客户相互影响时（口碑、自发扩散的获客、员工、会反应的竞争者、饱和、溢出的投入）没有上界成立："
        "参照值为完全信息下、人群状况与"
        "数据一致时的最优，方案可能更好",
    ),
    "priced": (
        proof.NO_BOUND_PRICED,
        "我方价格与竞争者自身价格相互作用时（竞争者的 `price`）没有上界成立：参照值为完全信息下、"
        "客户仅按手段设定回应我方价格时的最优，"
        "方案可能更好",
    ),
    "also_late": (
        proof.ALSO_LATE,
        "；营销手段具有记忆时（`of_late`）同样不成立：完全信息下所有投入立即生效且无人疲劳",
    ),
    "not_held": (proof.NOT_HELD, "；其中未计入被固定的金额和活动的规模：实际剩余的提升空间可能更小"),
    "too_large": (
        proof.TOO_LARGE,
        "；市场过大，无法计算公司可区分信息下的上界：此处为完全信息的上界，方案可能只能达到其中一部分",
    ),
    "no_choice": (proof.NO_CHOICE, "全部金额均已固定，没有其他方案"),
    "not_proved": (proof.NOT_PROVED, "该方案没有证明过上界"),
}
_STARTS: Pairs = {
    "starts": (
        "{number} starts of the search ended at lifts from {least} to {most}, {near} of them within 1 % of the best",
        "从 {number} 个起点搜索，所得提升为 {least} 至 {most}，其中 {near} 个与最优相差不超过 1%",
    ),
    "no_start": ("no start of the search ended inside the rules", "没有一个搜索起点得到符合规则的方案"),
}

_FIT: Pairs = {
    "likelihood": ("{law} log-likelihood", "{law} 对数似然"),
    "mean": ("gamma-gamma mean spend", "gamma-gamma 平均金额"),
    "cumulative": (
        "Pareto/NBD error of cumulative repeat purchases at week {week}, %",
        "Pareto/NBD 截至第 {week} 周累计重复购买的误差，%",
    ),
    "correlation": ("Pareto/NBD correlation with actual holdout", "Pareto/NBD 与留出期实际值的相关系数"),
    "weekly": ("Pareto/NBD weekly MAPE of weeks {weeks}, %", "Pareto/NBD 第 {weeks} 周的每周 MAPE，%"),
    "discounted": (
        "Pareto/NBD discounted expected transactions, {rate} % a year",
        "Pareto/NBD 折现期望交易次数，每年 {rate}%",
    ),
    "none_customers": ("no repeat purchase: customers", "无重复购买：客户数"),
    "none_purchases": ("no repeat purchase: holdout purchases", "无重复购买：留出期购买次数"),
    "none_actual": ("no repeat purchase: mean actual", "无重复购买：实际均值"),
    "none_model": ("no repeat purchase: mean {law}", "无重复购买：{law} 均值"),
    "some_customers": ("{number} repeat purchases: customers", "{number} 次重复购买：客户数"),
    "some_actual": ("{number} repeat purchases: mean actual", "{number} 次重复购买：实际均值"),
    "some_model": ("{number} repeat purchases: mean {law}", "{number} 次重复购买：{law} 均值"),
    "sample_purchases": (
        "1/10 sample, error of purchases in weeks {weeks} alone, %",
        "1/10 样本，仅第 {weeks} 周购买次数的误差，%",
    ),
    "sample_money": (
        "1/10 sample, error of money in weeks {weeks} alone, %",
        "1/10 样本，仅第 {weeks} 周金额的误差，%",
    ),
    "all_purchases": (
        "all customers, error of purchases in weeks {weeks} alone, %",
        "全部客户，仅第 {weeks} 周购买次数的误差，%",
    ),
    "all_money": ("all customers, error of money in weeks {weeks} alone, %", "全部客户，仅第 {weeks} 周金额的误差，%"),
}


def rule_retold(said: str, language: str) -> str:
    """Return a rule with its time, or without; names that a scenario gives stay.

    Examples
    --------
    >>> rule_retold("balconies: floor by share in period 3", "zh")
    'balconies：比例下限（第 3 期）'
    >>> rule_retold("gardeners stay", "zh"), rule_retold("floor of care", "en")
    ('gardeners stay', 'floor of care')
    """
    for pattern, told in _patterns("times", language):
        found = pattern.fullmatch(said)
        if found is not None:
            return told.format(**{**found.groupdict(), "rule": _retold(found["rule"], "rules", language)})
    return _retold(said, "rules", language)


def unit_retold(said: str, language: str) -> str:
    """Return a unit, or how a limit is said."""
    return _retold(said, "units", language)


def search_retold(said: str, language: str) -> str:
    """Return why a search stopped."""
    told = [_retold(part, "search", language) for part in said.split("; ")]
    return ("; " if language == "en" else "；").join(told)


def fit_retold(said: str, language: str) -> str:
    """Return a figure of a calibration; parameters keep their names."""
    return _retold(said, "fit", language)


def proof_retold(said: str, language: str) -> str:
    """Return what a bound rests on, part by part; what is not known of it stays."""
    at = list(LANGUAGES).index(checked_language(language))
    for pair in _PROOFS.values():
        said = said.replace(pair[0], pair[at])
    rests, apart, starts = said.rpartition("; ")
    return f"{rests}{'；' if at else apart}{_retold(starts, 'starts', language)}" if apart else said


def _retold(said: str, kind: str, language: str) -> str:
    for pattern, told in _patterns(kind, language):
        found = pattern.fullmatch(said)
        if found is not None:
            return told.format(**found.groupdict())
    return said


@cache
def _patterns(kind: str, language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return by what each sentence of a kind is known, and what it is in a language; none in English."""
    at = list(LANGUAGES).index(checked_language(language))
    pairs = _KINDS[kind]
    return [(_known_by(pair[0]), pair[at]) for pair in pairs.values() if at]


_KINDS = {
    "rules": _RULES, "times": _TIMES, "units": _UNITS, "search": _SEARCH, "starts": _STARTS, "fit": _FIT,
}  # fmt: skip


def _known_by(english: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", english)
    return re.compile("".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))
