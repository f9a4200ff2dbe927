"""What levers move, in words: the one place that the checked scenario and the report take them from."""

from typing import TYPE_CHECKING

from experiments.words.languages import spoken
from experiments.words.phrases import period_name

if TYPE_CHECKING:
    from sim.scenario.curves import Curve

__all__ = ["effect_in_words", "effect_name", "pays_in_words"]

_PAYS = {
    "budget": ("", ""),
    "price": (", off what they pay and not out of the budget", "，从客户付款中减免，不占预算"),
    "charge": (", that true customers are charged on top", "，向真实客户另行收取"),
    "service": (
        ", of cost to serve true customers and not out of the budget",
        "，计入服务真实客户的成本，不占预算",
    ),
}
_NAMES = {
    "awareness": ("awareness", "认知"),
    "acquisition": ("acquisition", "获客"),
    "survival": ("survival", "留存"),
    "purchase_rate": ("purchase_rate", "购买频率"),
    "amount": ("amount", "单次金额"),
    "preference": ("preference", "偏好"),
    "satisfaction": ("satisfaction", "满意度"),
    "links": ("links", "关系纽带"),
    "links_desk": ("links_desk", "与前台的纽带"),
    "links_managers": ("links_managers", "与经理的纽带"),
    "links_experts": ("links_experts", "与专家的纽带"),
    "knowledge": ("knowledge", "客户知识"),
    "cross_buying": ("cross_buying", "交叉购买"),
    "direct": ("direct", "直接购买"),
    "club": ("club", "会员俱乐部"),
    "employee": ("employee", "员工满意度"),
    "reactivation": ("reactivation", "赢回"),
    "leaving": ("leaving", "因此离开"),
    "annoyance": ("annoyance", "反感"),
}
_CHANCES = {
    "awareness": ("become prospects", "成为潜在客户"),
    "acquisition": ("buy for the first time", "首次购买"),
    "survival": ("of typical customers stay", "的典型客户留下"),
    "satisfaction": (
        "of customers are lifted a level of satisfaction or kept from falling one",
        "的客户满意度升一级或免于降一级",
    ),
    "links": ("of customers gain a tie", "的客户新增一条纽带"),
    "reactivation": ("of those who had left return with a purchase", "的已流失客户回来购买"),
    "leaving": ("of customers leave because of it", "的客户因此离开"),
    "links_desk": ("of customers gain a tie to people at the desk", "的客户与前台人员建立纽带"),
    "links_managers": ("of customers gain a tie to a manager", "的客户与经理建立纽带"),
    "links_experts": ("of customers gain a tie to an expert", "的客户与专家建立纽带"),
    "knowledge": (
        "more of the ties of employees who leave stay with the firm",
        "的离职员工纽带额外留在公司",
    ),
    "cross_buying": ("of customers add a category", "的客户新增一个品类"),
    "club": ("of customers join the club or rise in it", "的客户加入会员俱乐部或升级"),
    "direct": ("of purchases come direct and not through the partner", "的购买由合作渠道转为直接购买"),
    "annoyance": (
        "of customers are kept from rising or lowered a level of satisfaction by it",
        "的客户因此满意度未能上升或降一级",
    ),
}
_GAINS = {
    "purchase_rate": ("more purchases", "（购买次数的增幅）"),
    "amount": ("more money per purchase", "（单次金额的增幅）"),
}
_POINTS = {
    "preference": ("points of utility in the choice between us and others", "点（在本公司与他者之间选择的效用）"),
    "employee": ("points of employee satisfaction gained each {period}", "分（每{period}员工满意度的增加）"),
}
_BOTH = {
    "points": ("{lowest} {what}", " {lowest} {what}"),
    "gain": ("{lowest} {what}", " {lowest}{what}"),
    "chance": ("each {period} {lowest} {what}", "每{period} {lowest}{what}"),
    "answers": (
        "{lowest} without money, {known} at {spend}, {highest} at most",
        "不投入时{lowest}；投入 {spend} 时为 {known}；最多 {highest}",
    ),
}


def effect_name(effect: str, language: str = "en") -> str:
    """Return what an effect is called: in English its key."""
    return spoken(_NAMES, language)[effect] if effect in _NAMES else effect


def pays_in_words(pays: str, language: str = "en") -> str:
    """Return what a lever's money is, behind its amount."""
    return spoken(_PAYS, language)[pays]


def effect_in_words(effect: str, curve: "Curve", period: str, language: str = "en") -> str:
    """Return a manager's answers as a sentence."""
    answers, words = (curve.without_money, curve.brings, curve.unlimited_money), spoken(_BOTH, language)
    period = period_name(period, language)
    if effect in _POINTS:
        lowest, known, highest = (f"{points:g}" for points in answers)
        key, said = "points", spoken(_POINTS, language)[effect].format(period=period)
    else:
        lowest, known, highest = (f"{100 * share:.4g} %" for share in answers)
        key, named = ("gain", _GAINS) if effect in _GAINS else ("chance", _CHANCES)
        said = spoken(named, language)[effect]
    lowest = words[key].format(period=period, lowest=lowest, what=said)
    return words["answers"].format(lowest=lowest, known=known, spend=f"{curve.spend:g}", highest=highest)
