"""What the report says, in every language; parts in braces are filled in."""

from __future__ import annotations

from experiments.words.details import DETAILS
from experiments.words.languages import Words, spoken

__all__ = ["report_words"]

_BOTH = {
    "month": ("month", "个月"),
    "week": ("week", "周"),
    "quarter": ("quarter", "季度"),
    "year": ("year", "年"),
    "months": ("months", "个月"),
    "weeks": ("weeks", "周"),
    "quarters": ("quarters", "个季度"),
    "years": ("years", "年"),
    # The title
    "start": ("start {lever} with {money}", "以 {money} 启用 {lever}"),
    "stop": ("stop {lever}", "停用 {lever}"),
    "raise": ("move {money} into {lever}", "向 {lever} 增投 {money}"),
    "cut": ("cut {lever} by {share}", "将 {lever} 削减{share}"),
    "same_levers": ("give each lever what it has and other customers more", "各手段总额不变，改变投放对象"),
    "and": (" and ", "，并"),
    "comma": (", ", "，"),
    "worth": ("{what}: worth {gain}{share}", "{what}：价值 {gain}{share}"),
    "share": (", {share}", "，即 {share}"),
    "keep": ("Go on as today: no policy here beats it", "维持现状：没有更优的方案"),
    "keep_reference": ("Go on with “{name}”: no policy here beats it", "维持“{name}”：没有更优的方案"),
    "one_policy": ("Under “{name}” the customers are worth {asset}", "在“{name}”下客户资产为 {asset}"),
    "too_close": ("Too close to call: “{name}” leads by {gain}", "难分高下：“{name}”领先 {gain}"),
    "half": ("a half", "一半"),
    "third": ("a third", "三分之一"),
    "two_thirds": ("two thirds", "三分之二"),
    "quarter_of": ("a quarter", "四分之一"),
    "three_quarters": ("three quarters", "四分之三"),
    # The second line
    "when": ("{within} within {periods} {period}, {after} after.", "{periods} {period}内 {within}，之后 {after}。"),
    "when_all": ("All of it within {periods} {period}.", "全部在 {periods} {period}内实现。"),
    "sure": (
        "95 % interval {low} to {high} over {number} replications.",
        "{number} 次模拟的 95% 区间：{low} 至 {high}。",
    ),
    "sure_all": (
        "Counting what is not known, the {ranges} ranges of the scenario and the luck of one future, the gain lies "
        "between {low} and {high} with 95 %; it is ahead of “{reference}” in {chance}.",
        "计入未知因素（情景中的 {ranges} 个范围与单次未来的运气），增量以 95% 的概率介于 {low} 与 {high} 之间；"
        "领先“{reference}”的可能：{chance}。",
    ),
    "sure_not": (
        "One replication gives no interval; run several before you rely on the difference.",
        "单次模拟没有区间；采用该差异前请多次模拟。",
    ),
    "unclear": (
        "The interval includes zero: the two cannot be told apart by this many replications.",
        "区间包含零：以目前的模拟次数无法区分两者。",
    ),
    "who": ("This is the policy “{name}”, against “{reference}”.", "方案为“{name}”，对照为“{reference}”。"),
    "caution": (
        "How customers respond to marketing is assumed in this scenario, not measured: the figures are illustrative "
        "until you put your own answers in. Intervals cover replication noise only.",
        "本情景中客户对营销的反应是假设而非测量值：在填入贵公司的数据之前，数字仅供说明。区间仅反映模拟噪声。",
    ),
    "caution_in_part": (
        "How customers respond to marketing is measured here in part ({told} of {all} curves) and assumed for the "
        "rest: see what is measured and what is assumed. Intervals cover replication noise only.",
        "本情景中客户对营销的反应部分来自测量（{all} 条曲线中的 {told} 条），其余为假设：见“测量与假设”。"
        "区间仅反映模拟噪声。",
    ),
    "caution_measured": (
        "How customers respond to marketing is measured in this scenario. Intervals cover replication noise only, not "
        "what the measurements leave open: `tenure risk` weighs that.",
        "本情景中客户对营销的反应来自测量。区间仅反映模拟噪声，不含测量本身的不确定性：请用 `tenure risk` 衡量。",
    ),
    "caution_all": (
        "How customers respond to marketing is not measured unless the scenario says so. What is not known is counted "
        "as far as ranges are stated under `uncertain`; the first interval is of luck alone.",
        "除情景注明外，客户对营销的反应并非测量值。未知因素以 `uncertain` 中给出的范围计入；第一个区间仅反映运气。",
    ),
    # Cards
    "sure_card": ("Counting what is not known", "计入未知因素"),
    "range": ("{low} to {high}", "{low} 至 {high}"),
    "ahead_note": ("95 %; ahead of “{name}” in {chance}", "95%；领先“{name}”：{chance}"),
    "asset": ("Customer asset", "客户资产"),
    "asset_note": ("{name}, {span}", "{name}，{span}"),
    "span": ("{periods} {period}", "{periods} {period}"),
    "span_after": ("{periods} {period} and after", "{periods} {period}及以后"),
    "more": ("More than “{name}”", "高于“{name}”"),
    "payback": ("Pays back", "回本"),
    "counted": ("{period} {number}", "第 {number} {period}"),
    "payback_now": ("from the start", "自始领先"),
    "payback_never": ("after the horizon", "规划期之后"),
    "payback_note": ("from then on it stays ahead", "此后保持领先"),
    "payback_never_note": (
        "at its end {behind} behind, discounted; the rest is what customers are worth after it",
        "期末仍落后 {behind}（折现），其余价值在规划期之后",
    ),
    "spends": ("Spends", "支出"),
    "of_budget": ("of a budget of {budget}", "预算 {budget}"),
    # Levers
    "levers": ("What changes, lever by lever", "各手段的变化"),
    "lever": ("Lever", "手段"),
    "today": ("Today", "现状"),
    "plan": ("Plan", "方案"),
    "change": ("Change", "变化"),
    "a_unit": ("A unit brings", "每单位带来"),
    "next_unit": ("The next unit", "下一单位"),
    "all": ("all", "合计"),
    "levers_note": (
        "Money over the horizon. What a unit brings is, by unit of the lever's money, the asset with it less the asset "
        "with that money at nothing and all else as planned, net of the money; the next unit is what one more, spread "
        "like the plan's, brings with its own cost paid. All in expected numbers.",
        "为整个规划期的金额。“每单位带来”指保留该手段与将其归零（其余不变）时客户资产之差除以其金额，已扣除支出；"
        "“下一单位”为按方案"
        "分布再增加一单位投入的净收益。均为期望值。",
    ),
    "levers_note_plain": (
        "Money over the horizon, mean over replications. What each lever brings is known for plans of the optimiser.",
        "为整个规划期的金额（多次模拟的均值）。各手段的收益仅对优化方案给出。",
    ),
    "today_cut": (
        "Today's spend would cost {cost}; within the budget of {budget} all of it gets less alike, and so it is meant "
        "wherever this page says today.",
        "现状支出本需 {cost}；在预算 {budget} 之内按同一比例缩减，本页所说的“现状”均指缩减后的支出。",
    ),
    "excel": ("The plan as an Excel file", "方案（Excel 文件）"),
    "excel_note": (
        "it is inside this page; edit it and play it with `tenure compare`",
        "已嵌入本页；修改后可用 `tenure compare` 运行",
    ),
    # Budget
    "budget": ("If all of the plan's money were a fifth less or more", "若方案全部金额减少或增加五分之一"),
    "budget_less": ("a fifth less", "减少五分之一"),
    "budget_same": ("as planned", "按方案"),
    "budget_more": ("a fifth more", "增加五分之一"),
    "money": ("Money", "金额"),
    "gain_expected": ("Against today", "与现状相比"),
    "against_plan": ("Against the plan", "与方案相比"),
    "budget_note": (
        "Every line moved alike and nothing solved anew, in expected numbers: a plan made for that budget is worth at "
        "least as much (`tenure frontier`).",
        "各行同比例变化，未重新求解，为期望值：为该预算专门求解的方案不会更差（`tenure frontier`）。",
    ),
    # Changes if
    "changes": ("This changes if", "以下情况会改变结论"),
    "changes_lever": (
        "{lever} stays as it is today: {left} of the expected gain of {gain} is left",
        "{lever} 维持现状：{gain} 的期望增量剩余 {left}",
    ),
    "changes_lever_gone": (
        "{lever} stays as it is today: the expected gain of {gain} turns into {left}",
        "{lever} 维持现状：{gain} 的期望增量变为 {left}",
    ),
    "changes_after": (
        "only the horizon counts: {within} of the {gain} come within it",
        "只计规划期之内：{gain} 中有 {within} 在规划期内实现",
    ),
    "changes_rank": (
        "“{second}” is played instead: it is {gap} behind the first",
        "改用“{second}”：比首选少 {gap}",
    ),
    "changes_response": (
        "customers answer otherwise than assumed: state ranges under `uncertain` and ask `tenure risk`, which names "
        "the assumption to test first",
        "客户反应与假设不同：请在 `uncertain` 中给出范围并运行 `tenure risk`，它会指出应先检验的假设",
    ),
    "changes_above": (
        "{path} is not above {at} (stated {stated}, thought to lie in {low} to {high}): then “{winner}” is ahead",
        "{path}不高于 {at}（设定 {stated}，范围 {low} 至 {high}）：此时“{winner}”领先",
    ),
    "changes_below": (
        "{path} is not below {at} (stated {stated}, thought to lie in {low} to {high}): then “{winner}” is ahead",
        "{path}不低于 {at}（设定 {stated}，范围 {low} 至 {high}）：此时“{winner}”领先",
    ),
    "changes_no_number": (
        "more than one assumption is wrong at once: no single number, within its range, turns the choice",
        "多个假设同时有误：任何单个数值在其范围内都不会改变选择",
    ),
    "changes_swing": (
        "{path} is {low}, or {high}: the gain is then {gain_low}, or {gain_high}",
        "{path}取 {low} 或 {high}：增量为 {gain_low} 或 {gain_high}",
    ),
    # Where it comes from
    "first_within": (
        "Counting the horizon alone, “{name}” would be ahead of it by {more}.",
        "若只计规划期之内，“{name}”将领先 {more}。",
    ),
    "on_unwon": (
        "{share} of the money is for people who are no customers yet.",
        "{share} 的支出面向尚未成为客户的人。",
    ),
    "asset_after": (
        "{share} of the customer asset lies after the {periods} {period}.",
        "客户资产的 {share} 在 {periods} {period}之后实现。",
    ),
    "sources": ("Where the gain comes from", "增量的来源"),
    "source": ("Source", "来源"),
    "gain": ("Gain", "增量"),
    "of_gain": ("Of it", "占比"),
    "within": ("within the {periods} {period}", "{periods} {period}之内"),
    "after": ("after them, from the customers left behind", "之后，来自留存客户"),
    "present": ("from who is a customer today", "来自现有客户"),
    "to_win": ("from those yet to be won", "来自未来客户"),
    "sources_note": (
        "The first two are simulated and add up to the gain above; the other two are expected numbers and add up to "
        "{gain}.",
        "前两项为模拟值，合计为上述增量；后两项为期望值，合计 {gain}。",
    ),
    "sources_note_simulated": (
        "Simulated; they add up to the gain above. Customers move each other here, or no plan was played, so that "
        "present and future customers are not told apart.",
        "为模拟值，合计为上述增量。由于客户相互影响或未采用优化方案，此处不区分现有与未来客户。",
    ),
    "by_time": ("By {by}", "按{by}"),
    "time": ("Time", "时间"),
    "spend": ("Spend", "支出"),
    "gain_time": ("Discounted profit against “{name}”", "相对“{name}”的折现利润"),
    # Measured and assumed
    "evidence": ("What is measured and what is assumed", "测量与假设"),
    "grounds": ("Grounds: bound, fit and all assumptions", "依据：上界、拟合与全部假设"),
    "language": ("en", "zh"),
    "foot": (
        "Made by Tenure. Scenario {hash}, seed {seed}, {number} replications. This page is self-contained: it can be "
        "mailed and opened without a network.",
        "由 Tenure 生成。情景 {hash}，种子 {seed}，模拟 {number} 次。本页自包含，无需网络即可打开。",
    ),
}  # fmt: skip


def report_words(language: str) -> Words:
    """Return what the report says, by key."""
    return spoken({**_BOTH, **DETAILS}, language)
