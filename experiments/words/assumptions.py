"""What a number that is not known is, in words, for those who do not read scenario files."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.words.languages import spoken

__all__ = ["in_words"]

_EFFECTS: Mapping[str, tuple[str, str]] = {
    "awareness": ("the share of people who become prospects", "成为潜在客户的比例"),
    "acquisition": ("the share of prospects who are won", "赢得潜在客户的比例"),
    "survival": ("the share of customers who stay", "客户留存率"),
    "purchase_rate": ("the gain in purchases", "购买次数的增幅"),
    "amount": ("the gain in money per purchase", "每次购买金额的增幅"),
    "preference": ("the preference for the firm", "对本公司的偏好"),
    "satisfaction": ("the share of customers whose satisfaction rises", "满意度提升的客户比例"),
    "links": ("the share of customers who gain a tie", "新增关系纽带的客户比例"),
    "links_desk": ("the share of customers who gain a tie to the desk", "与前台人员建立纽带的客户比例"),
    "links_managers": ("the share of customers who gain a tie to a manager", "与经理建立纽带的客户比例"),
    "links_experts": ("the share of customers who gain a tie to an expert", "与专家建立纽带的客户比例"),
    "knowledge": ("the share of ties kept when employees leave", "员工离职时保留的纽带比例"),
    "cross_buying": ("the share of customers who add a category", "新增购买品类的客户比例"),
    "direct": ("the share of purchases moved from the partner", "从合作渠道转为直接购买的比例"),
    "club": ("the share of customers who join the club or rise in it", "加入会员或升级的客户比例"),
    "employee": ("the gain in employees' satisfaction", "员工满意度的增幅"),
    "reactivation": ("the share of lapsed customers who come back", "流失客户被赢回的比例"),
    "leaving": ("the share of customers who leave because of it", "因此离开的客户比例"),
    "annoyance": ("the share of customers whose satisfaction suffers", "满意度受损的客户比例"),
}
_NUMBERS: Mapping[str, tuple[str, str]] = {
    "without_money": ("{effect} without {lever}", "没有 {lever} 时{effect}"),
    "brings": ("{effect} at the money stated for {lever}", "{lever} 在设定金额下{effect}"),
    "unlimited_money": ("{effect} with unlimited {lever}", "{lever} 不限金额时{effect}"),
    "half": (
        "the money at which {lever} does half of what it can for {effect}",
        "{lever} 对{effect}达到一半效果的金额",
    ),
}
_LATE: Mapping[str, tuple[str, str]] = {
    "carry_over": ("the share of {lever} that acts a period later", "{lever} 延续到下期的比例"),
    "fatigue": ("the money at which {lever} tires", "{lever} 产生疲劳的金额"),
    "drives_away": ("the share by which too much {lever} drives away", "{lever} 过多使流失增加的比例"),
    "pulled_forward": ("the share of what {lever} sells that is bought early", "{lever} 带来的提前购买比例"),
    "keep": ("the share of {lever} that is remembered a period later", "{lever} 下期仍被记住的比例"),
}
_MISSES = {
    "misses": ("the share of {stage} customers whose need {lever} misses", "{lever} 未切中需要的客户比例（{stage}）")
}
_STAFF: Mapping[str, tuple[str, str]] = {
    "usual": ("the share of employees who leave", "员工离职的比例"),
    "falls": ("the share by which an employee point lowers turnover", "员工满意度每升一分离职率降低的比例"),
    "cost": ("the cost of replacing an employee", "替换一名员工的成本"),
    "per_customer": ("the number of employees a customer", "每位客户对应的员工数"),
}
_LAWS: Mapping[str, tuple[str, str]] = {
    "pareto_nbd": ("the parameter {name} of the law of buying", "购买规律的 {name}"),
    "gamma_gamma": ("the parameter {name} of the law of amounts", "金额规律的 {name}"),
}
_OTHERS: Mapping[str, tuple[str, str]] = {
    "margin": ("the margin", "利润率"),
    "loss": ("the share of silent customers lost for good", "沉默客户永久流失的比例"),
    "discount_rate": ("the discount rate", "折现率"),
    "prospect": ("the number of people to be won", "可赢得的人数"),
    "unaware": ("the number of people who do not know the firm", "不了解本公司的人数"),
}
_OF: Mapping[str, tuple[str, str]] = {"of": ("{what} ({segment})", "{what}（{segment}）")}


def in_words(path: str, language: str = "en") -> str:
    """Return what stands at a path under ``uncertain``; the path itself where there are no words for it.

    Examples
    --------
    >>> in_words("levers.care.by_segment.balconies.moves.survival.brings")
    'the share of customers who stay at the money stated for care (balconies)'
    >>> in_words("levers.letters.of_late.pulled_forward")
    'the share of what letters sells that is bought early'
    >>> in_words("margin"), in_words("stages.core")
    ('the margin', 'stages.core')
    """
    way, _, number = path.rpartition(".")
    what, segment = "", ""
    if path.startswith("levers.") and ".moves." in way:
        lever, _, effect = way.removeprefix("levers.").rpartition(".moves.")
        lever, _, segment = lever.partition(".by_segment.")
        if effect in _EFFECTS and number in _NUMBERS:
            said = spoken(_EFFECTS, language)[effect]
            what = spoken(_NUMBERS, language)[number].format(effect=said, lever=lever)
    elif path.startswith("levers.") and way.endswith(".of_late") and number in _LATE:
        lever = way.removeprefix("levers.").removesuffix(".of_late")
        what = spoken(_LATE, language)[number].format(lever=lever)
    elif path.startswith("levers.") and way.endswith(".misses"):
        lever = way.removeprefix("levers.").removesuffix(".misses")
        what = spoken(_MISSES, language)["misses"].format(lever=lever, stage=number)
    elif way == "employees.turnover" and number in _STAFF:
        what = spoken(_STAFF, language)[number]
    elif path.startswith("base."):
        place, _, law = way.removeprefix("base.").rpartition(".")
        segment = place.removeprefix("by_segment.")
        what = spoken(_LAWS, language)[law].format(name=number) if law in _LAWS else ""
    elif number in _OTHERS and (not way or way.startswith("segments.")):
        what = spoken(_OTHERS, language)[number]
        segment = way.removeprefix("segments.").removesuffix(".start")
    if not what:
        return path
    return spoken(_OF, language)["of"].format(what=what, segment=segment) if segment else what
