"""What binds customers to the firm, in words: ties, alike or of several kinds, knowledge, categories, a club."""

from typing import TYPE_CHECKING

from experiments.words.languages import Words, spoken
from experiments.words.phrases import listed, period_name, plain_share, plain_shares, stage_in_words

if TYPE_CHECKING:
    from sim.scenario.bonds import Categories, Club, Links
    from sim.scenario.curves import Model
    from sim.scenario.people import Established

__all__ = ["categories_in_words", "club_in_words", "links_in_words", "start_in_words"]

_BOTH = {
    "language": ("en", "zh"),
    "assumed": (" (assumed)", "（假设）"),
    "stop": ("; ", "；"),
    "comma": (", ", "、"),
    # Ties
    "kept": (
        " Of employees who leave, the firm keeps the ties of {share}: it knows what they knew.",
        "离职员工的关系纽带中，公司保留 {share}：员工所知的，公司也知道。",
    ),
    "kinds": (
        "Links of several kinds, none of which stands in for another; the newly won and the returned have none. "
        "{kinds}{kept}",
        "关系纽带分为几类，互不替代；新赢得与返回的客户没有纽带。{kinds}{kept}",
    ),
    "between": (" ", ""),
    "links": (
        "Links: {shares} of customers have 0, 1, 2, 3 independent ties in the data; the newly won and the returned "
        "have none. Each {period} the employee behind a tie leaves with a chance of {turnover}, and {follow} of those "
        "whose only tie it was leave too{follow_mark}; a tie more comes with a chance of {gain} beside what levers do. "
        "{effect}{kept}",
        "关系纽带：数据中 {shares} 的客户有 0、1、2、3 条独立的纽带；新赢得与返回的客户没有纽带。"
        "每{period}纽带背后的员工以 "
        "{turnover} 的概率离职，仅有该条纽带的客户中 {follow} 随之离开{follow_mark}；除手段的作用外，"
        "以 {gain} 的概率新增一条纽带。"
        "{effect}{kept}",
    ),
    "link_lowers": (
        "A tie more lowers the defection rate by {share}.",
        "每多一条纽带，流失率降低 {share}。",
    ),
    "link_nothing": (
        "A tie more does not change the defection rate: no effect is stated.",
        "纽带不改变流失率：没有给出作用。",
    ),
    "desk": ("people at the desk", "前台人员"),
    "managers": ("managers", "经理"),
    "experts": ("experts", "专家"),
    "kind": (
        "To {people}: {share} of customers in the data; each {period} {gain} of those without gain one beside what "
        "levers do, {turnover} of these people leave, and {follow} of who has no other tie go with them; the defection "
        "rate is {effect}",
        "与{people}：数据中占客户的 {share}；除手段的作用外，每{period}没有该纽带者中 {gain} 新增一条，"
        "{people}中 {turnover} 离职，"
        "没有其他纽带者中 {follow} 随之离开；流失率{effect}",
    ),
    "kind_lowers": ("{share} lower with it.", "因此低 {share}。"),
    "kind_nothing": ("the same with it: no effect is stated.", "不因此改变：没有给出作用。"),
    # Categories
    "purchases": ("purchases", "购买次数"),
    "amounts": ("the amount of each", "单次金额"),
    "times": ("{what} {times} times", "{what}为 {times} 倍"),
    "category_lowers": ("the defection rate {share} lower for each", "每多一个品类，流失率低 {share}"),
    "categories": (
        "Categories, added one by one in the order {names}: {shares} of customers buy in 1 to {number} in the data; "
        "the newly won and the returned buy in the first. Each {period} {gain} add the next beside what levers do, and "
        "of each that was added {loss} is dropped. {effect}",
        "品类依次增加，顺序为 {names}：数据中购买 1 至 {number} 个品类的客户占 {shares}；"
        "新赢得与返回的客户只购买第一个。除手段的作用"
        "外，每{period}有 {gain} 增加下一个品类，已增加的品类各有 {loss} 被放弃。{effect}",
    ),
    "categories_do": (
        "Who buys in more, against who buys in one: {said}.",
        "购买更多品类者与只购买一个者相比：{said}。",
    ),
    "categories_nothing": (
        "Buying in more changes nothing else: no effect is stated.",
        "购买更多品类不改变其他任何方面：没有给出作用。",
    ),
    # The club
    "of_stage": ("{share} of {stage}", "{stage}的 {share}"),
    "rise": ("join or rise {parts}", "加入或升级的有 {parts}"),
    "lose": ("lose a grade {parts}", "降级的有 {parts}"),
    "grade_lowers": ("the defection rate {share} lower for each grade", "每高一级，流失率低 {share}"),
    "club": (
        "A club with the grades {grades}: {shares} of customers have them in the data, the rest are no members; nor "
        "are the newly won and the returned. {moves}{costs}{effect}",
        "会员俱乐部分为 {grades} 各级：数据中 {shares} 的客户属于各级，其余不是会员；新赢得与返回的客户也不是。"
        "{moves}{costs}{effect}",
    ),
    "club_moves": ("Each {period} {moves}, beside what levers do. ", "除手段的作用外，每{period}{moves}。"),
    "club_and": (", and ", "，"),
    "club_levers": ("Only levers move members. ", "会员的升降只受手段影响。"),
    "club_costs": (
        "A member costs {amounts} each {period} in rewards, beside the cost to serve. ",
        "在服务成本之外，每位会员每{period}的奖励成本依级别为 {amounts}。",
    ),
    "club_free": ("Rewards cost nothing (assumed). ", "奖励没有成本（假设）。"),
    "club_do": ("Members, against who is none: {said}.", "会员与非会员相比：{said}。"),
    "club_nothing": ("Members do as others: nothing is stated.", "会员与其他客户行为相同：没有给出作用。"),
    # Who is there
    "tied_to": ("tied to {parts}", "有纽带者：{parts}"),
    "tied": ("tied {shares}", "纽带为 {shares}"),
    "buying_in": ("buying in one, two, ... categories {shares}", "购买一、二……个品类的占 {shares}"),
    "with_grades": ("with the grades of the club {shares}", "会员各级占 {shares}"),
}


def links_in_words(given: "Links | None", period: str, language: str = "en") -> list[str]:
    """Return what ties there are, how they come and go, and what they do."""
    if given is None:
        return []
    words = spoken(_BOTH, language)
    kept = words["kept"].format(share=plain_share(given.kept)) if given.kept else ""
    name = period_name(period, language)
    if given.mix is None:
        kinds = words["between"].join(_kind(key, kind, name, words) for key, kind in given.kinds.items())
        return [words["kinds"].format(kinds=kinds, kept=kept)]
    effect = words["link_lowers" if given.defection_per_link else "link_nothing"]
    effect = effect.format(share=plain_share(given.defection_per_link))
    said = words["links"].format(
        shares=plain_shares(given.mix), period=name, turnover=_marked(given, "turnover", words),
        follow=plain_share(given.follow), follow_mark=_assumed(given, "follow", words),
        gain=_marked(given, "gain", words), effect=effect, kept=kept,
    )  # fmt: skip
    return [said]


def _kind(name: str, given: "Model", period: str, words: Words) -> str:
    share, effect = (plain_share(getattr(given, key)) for key in ("share", "defection_per_link"))
    return words["kind"].format(
        people=words[name], share=share, period=period,
        gain=_marked(given, "gain", words), turnover=_marked(given, "turnover", words),
        follow=_marked(given, "follow", words),
        effect=words["kind_lowers" if effect != "0 %" else "kind_nothing"].format(share=effect),
    )  # fmt: skip


def categories_in_words(given: "Categories | None", period: str, language: str = "en") -> list[str]:
    """Return which categories there are, how customers add and drop them, and what buying in more does."""
    if given is None:
        return []
    words = spoken(_BOTH, language)
    said = [
        words["times"].format(what=words[what], times=", ".join(f"{times / factors[0]:.3g}" for times in factors[1:]))
        for what, factors in (("purchases", given.purchase_rate), ("amounts", given.amount))
        if factors
    ]
    if given.defection_per_category:
        said.append(words["category_lowers"].format(share=plain_share(given.defection_per_category)))
    effect = words["categories_do"].format(said=words["stop"].join(said)) if said else words["categories_nothing"]
    told = words["categories"].format(
        names=words["comma"].join(given.names), shares=plain_shares(given.mix), number=len(given.names),
        period=period_name(period, language), gain=_marked(given, "gain", words), loss=_marked(given, "loss", words),
        effect=effect,
    )  # fmt: skip
    return [told]


def club_in_words(given: "Club | None", period: str, language: str = "en") -> list[str]:
    """Return which grades the club has, how members rise and fall, what they cost, and what a grade does."""
    if given is None:
        return []
    words, name = spoken(_BOTH, language), period_name(period, language)
    moves = [
        words[does].format(
            parts=listed([_of_stage(stage, chance, words) for stage, chance in chances.items()], language)
        )
        for does, chances in (("rise", given.rises), ("lose", given.falls))
        if chances
    ]
    said = [
        words["times"].format(what=words[what], times=", ".join(f"{times:.3g}" for times in factors))
        for what, factors in (("purchases", given.purchase_rate), ("amounts", given.amount))
        if factors
    ]
    if given.defection_per_grade:
        said.append(words["grade_lowers"].format(share=plain_share(given.defection_per_grade)))
    amounts = ", ".join(f"{money:.4g}" for money in given.reward) if given.reward else ""
    moving = words["club_moves"].format(period=name, moves=words["club_and"].join(moves))
    told = words["club"].format(
        grades=words["comma"].join(given.grades), shares=plain_shares(given.mix),
        moves=moving if moves else words["club_levers"],
        costs=words["club_costs"].format(amounts=amounts, period=name) if amounts else words["club_free"],
        effect=words["club_do"].format(said=words["stop"].join(said)) if said else words["club_nothing"],
    )  # fmt: skip
    return [told]


def _of_stage(stage: str, chance: float, words: Words) -> str:
    return words["of_stage"].format(share=plain_share(chance), stage=stage_in_words(stage, words["language"]))


def start_in_words(each: "Established", language: str = "en") -> list[str]:
    """Return what is said of the ties and categories of customers who are there already."""
    words, said = spoken(_BOTH, language), list[str]()
    if isinstance(each.ties, dict):
        parts = words["comma"].join(f"{kind} {plain_share(share)}" for kind, share in each.ties.items())
        said.append(words["tied_to"].format(parts=parts))
    elif each.ties is not None:
        said.append(words["tied"].format(shares=plain_shares(each.ties)))
    if each.categories is not None:
        said.append(words["buying_in"].format(shares=plain_shares(each.categories)))
    if each.club is not None:
        said.append(words["with_grades"].format(shares=plain_shares(each.club)))
    return said


def _marked(given: "Model", field: str, words: Words) -> str:
    """Return a share with the mark of what was not stated."""
    return f"{plain_share(getattr(given, field))}{_assumed(given, field, words)}"


def _assumed(model: "Model", field: str, words: Words) -> str:
    return "" if field in model.model_fields_set else words["assumed"]
