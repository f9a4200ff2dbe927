"""What a study's answer and its page say, in every language; parts in braces are filled in."""

from __future__ import annotations

from experiments.words.languages import Words, spoken

__all__ = ["ENGLISH", "study_words"]

_BOTH = {
    # The answer
    "within": (
        "'{policy}' is within {share} of the best in {worlds}",
        "“{policy}”在 {worlds}中与最优策略相差不超过 {share}",
    ),
    "worlds": ("{some} of {of} worlds", "{some}/{of} 个情景"),
    "world": ("{some} of {of} world", "{some}/{of} 个情景"),
    "nobody": (
        "No policy keeps the budget and the rules anywhere: there is none to choose.",
        "没有任何策略在任何情景中符合预算和规则，因而无可选择。",
    ),
    "barred_there": ("; in '{world}' {why}.", "；在“{world}”中，{why}。"),
    "best_everywhere": (": it is the best of these everywhere.", "，并且处处最优。"),
    "at_worst": (
        "; at worst, in '{world}', the best is worth {regret}{unit} more.",
        "；最差时（“{world}”），最优策略高出 {regret}{unit}。",
    ),
    "close": (" Too close to call with it in {worlds}: {names}.", "在 {worlds}中与其难分高下的有：{names}。"),
    "name": ("'{name}'", "“{name}”"),
    "comma": (", ", "、"),
    "no_policy": ("No policy keeps the budget and the rules", "没有策略符合预算和规则"),
    "choose": ("Choose {policy}: it survives {worlds}", "选择“{policy}”：在 {worlds}中站得住"),
    "none_survives": (
        "No policy survives in any world: none is near the best at every budget",
        "没有策略在任何情景中站得住：没有一个在各预算下都接近最优",
    ),
    "choose_anew": (
        "Plan anew once the world is known: {policy} survives {worlds}, nothing chosen before does in any",
        "待情景明朗后再制定方案：“{policy}”在 {worlds}中站得住，事先选定的无一站得住",
    ),
    "yardstick": (
        " '{policy}' survives {worlds}, but is made anew in each, once it is known which world it is.",
        "“{policy}”在 {worlds}中站得住，但须待情景明朗后逐一制定。",
    ),
    "budget_in_worlds": ("{budget} in {worlds}", "{budget}（{worlds}）"),
    "best_budget": (
        "Of the budgets '{policy}' is worth most, its money taken off, with {named}.",
        "各预算中，扣除投入后“{policy}”价值最高的是：{named}。",
    ),
    "no_plan": ("no plan", "无方案"),
    "overspends": ("overspends", "超支"),
    "breaks_rules": ("breaks rules", "违反规则"),
    "no_plan_made": ("no plan can be made", "无法制定方案"),
    "spends_more": ("it spends {money} more than the budget", "支出超过预算 {money}"),
    "breaks": ("it breaks {rules}", "违反：{rules}"),
    "both": ("{first} and {second}", "{first}，并且{second}"),
    "more_rules": ("{rules}; and {number} more", "{rules}；另有 {number} 条"),
    "semicolon": ("; ", "；"),
    "language": ("en", "zh"),
    "percent": (" %", "%"),
    "unit": ("{what}, {currency}", "{what}（{currency}）"),
    "reacts": ("reacts", "随观察调整"),
    # Tables
    "policy": ("policy", "策略"),
    "survives": ("survives", "站得住的情景"),
    "some_of": ("{some} of {of}", "{some}/{of}"),
    "worst_regret": ("worst regret", "最大遗憾值"),
    "in_world": ("in world", "所在情景"),
    "mean_gain": ("mean gain", "平均增量"),
    "mean_asset": ("mean asset", "平均客户资产"),
    "bad_worlds": ("bad worlds (CVaR)", "较差情景（CVaR）"),
    "feedback": ("feedback", "反馈"),
    "a_world": ("world", "情景"),
    "budget": ("budget", "预算"),
    "number": ("number", "数值"),
    "low": ("low", "低"),
    "high": ("high", "高"),
    "gain_at_low": ("gain at low", "取低值时的增量"),
    "gain_at_high": ("gain at high", "取高值时的增量"),
    "moves_it": ("moves it by", "变动"),
    "sobol_first": ("Sobol' first ± 95 %", "Sobol 一阶指数 ± 95%"),
    "sobol_total": ("total ± 95 %", "总指数 ± 95%"),
    "asset": ("asset", "客户资产"),
    "gain_against": ("gain vs {reference}", "相对“{reference}”的增量"),
    "interval": ("95 % interval", "95% 区间"),
    "regret": ("regret", "遗憾值"),
    "best_odds": ("best in (odds)", "最优概率"),
    "interval_all": ("with what is not known", "计入未知因素的区间"),
    "ahead_in": ("ahead in", "领先概率"),
    "sure": (
        "Counting what is not known (the ranges under `uncertain`), '{policy}' is ahead of '{reference}' in {chance} "
        "of futures in '{world}'{least}: 95 % sure between {low} and {high}.",
        "计入未知因素（`uncertain` 下的范围），在“{world}”中“{policy}”领先“{reference}”的概率为 {chance}{least}，"
        "95% 区间为 {low} 至 {high}。",
    ),
    "at_least": (", in no world less often", "（各情景中最低）"),
    "spread": ("5 % to 95 %", "5% 至 95%"),
    "worst_fifth": ("worst fifth", "最差五分之一"),
    "spend": ("spend", "支出"),
    "to": ("{low} to {high}", "{low} 至 {high}"),
    "best": ("best", "最优"),
    # Notes
    "intervals": (
        "Intervals: 95 %, paired over the same customers with the same luck, each by itself; they cover replication "
        "noise, not the assumptions. 'too close to call': not told apart with all of the study's comparisons together "
        "(Holm, 5 %).",
        "区间：95%，在相同客户、相同随机数下成对比较，各自单独计算；只含模拟噪声，不含假设的不确定性。“难分高下”：将全部比较一并检验时"
        "无法区分（Holm，5%）。",
    ),
    "one_replication": (
        "One replication: there are no intervals, and nothing can be told apart.",
        "只有一次模拟：没有区间，无法区分高下。",
    ),
    "replications": (
        "Replications: {low} to {high}, added until intervals were narrow.",
        "模拟次数：{low} 至 {high}，逐步增加至区间足够窄。",
    ),
    "impossible": (
        "In {number} places no plan can be made, e.g. '{policy}' in '{world}': {why}.",
        "有 {number} 处无法制定方案，例如“{world}”中的“{policy}”：{why}。",
    ),
    "more_notes": ("{number} more such notes.", "另有 {number} 条类似说明。"),
    "damaged": (
        "{number} files of the store were not whole and were made again.",
        "存储中有 {number} 个文件不完整，已重新计算。",
    ),
    "barred": (
        "'{policy}' cannot be chosen in {some} of {of} places: in '{world}' {why}. Nobody's regret is measured against "
        "it there.",
        "“{policy}”在 {of} 处中有 {some} 处不可选：在“{world}”中，{why}。那里的遗憾值不以它为基准。",
    ),
    "empty": (
        "In {number} places no policy keeps the budget and the rules, e.g. '{world}': there is no regret.",
        "有 {number} 处没有任何策略符合预算和规则，例如“{world}”：那里没有遗憾值可言。",
    ),
    "reacting": (
        "Reacting to what they see: {names}; all others are set in advance.",
        "会随观察调整的策略：{names}；其余均事先确定。",
    ),
    "unspent": (
        "'{policy}' is written to spend {written} and spends {spent} in '{world}': {left} finds nobody, or is more "
        "than may be spent.",
        "“{policy}”计划支出 {written}，在“{world}”中实际支出 {spent}：{left} 没有可触达的客户，或超出可支出的上限。",
    ),
    "of_family": ("{path} of '{family}'", "“{family}”的 {path}"),
    "which_world": ("which world it is", "处于哪个情景"),
    "at_budget": (" (budget {budget})", "（预算 {budget}）"),
    "knowing": (
        "Knowing {what} before choosing is worth {money}{unit}{place}, worlds equally likely.",
        "各情景等可能时，选择前已知{what}的价值为 {money}{unit}{place}。",
    ),
    # What turns the choice
    "turns_none": (
        "Nothing in these worlds turns the choice of '{choice}': no other that can be chosen beforehand is worth more "
        "anywhere, beyond luck. Its largest regret is {most}{unit}, in '{where}'.",
        "这些情景中没有任何因素改变“{choice}”这一选择：没有其他可事先选定的策略明显更优。"
        "其最大遗憾值为 {most}{unit}（“{where}”）。",
    ),
    "turns_blind": (
        "Which assumption turns the choice of '{choice}' cannot be told from one replication.",
        "只有一次模拟，无法判断哪个假设会改变“{choice}”这一选择。",
    ),
    "turns_named": (
        "The choice of '{choice}' changes in '{world}'{keys}{place}: there '{instead}' is worth {worth}{unit} more.",
        "“{choice}”这一选择在“{world}”{keys}{place}中改变：那里“{instead}”高出 {worth}{unit}。",
    ),
    "turns_barred": (
        "The choice of '{choice}' changes in '{world}'{keys}{place}: there it cannot be chosen, and '{instead}' is the "
        "best that can.",
        "“{choice}”这一选择在“{world}”{keys}{place}中改变：那里它不可选，可选的最优策略是“{instead}”。",
    ),
    "turns_number": (
        "The choice of '{choice}' changes where {path} of '{world}' is {side} {at}{now}{place}: there '{instead}' is "
        "worth up to {worth}{unit} more (between {low} and {high}{expected}; so in {right} of {of} worlds).",
        "“{choice}”这一选择在“{world}”的 {path} {side} {at} 时改变{now}{place}：那里“{instead}”最多高出 {worth}{unit}"
        "（介于 {low} 与 {high} 之间{expected}；{of} 个情景中有 {right} 个如此）。",
    ),
    "at_expected": (", in expected numbers {at}", "，按期望值为 {at}"),
    "turns_expected": (
        "Told apart in expected numbers alone, not by these replications: ",
        "仅按期望值可见，本次模拟尚不能区分：",
    ),
    "turns_close": (
        " In {number} of {of} places another is ahead, by no more than luck explains: more replications would tell.",
        "在 {of} 处中有 {number} 处其他策略领先，但不超出随机误差：增加模拟次数可以分辨。",
    ),
    "above": ("above", "高于"),
    "below": ("below", "低于"),
    "now": (" (stated: {now})", "（现设 {now}）"),
    "keys": (" ({keys})", "（{keys}）"),
    "turns_lost": (
        "In {worlds} of {of} worlds of '{family}'{place} another is worth more than '{choice}', at most '{instead}' by "
        "{worth}{unit}, and no number alone says in which.",
        "“{family}”的 {of} 个情景中有 {worlds} 个{place}存在优于“{choice}”的策略，最多为“{instead}”高出 {worth}{unit}，"
        "但没有单个数值能说明是哪些情景。",
    ),
    "turns_lost_barred": (
        "In {worlds} of {of} worlds of '{family}'{place} '{choice}' cannot be chosen or another is worth more, and no "
        "number alone says in which.",
        "“{family}”的 {of} 个情景中有 {worlds} 个{place}“{choice}”不可选或存在更优的策略，"
        "但没有单个数值能说明是哪些情景。",
    ),
    "turns_more": ("{number} more such turns: turning.csv.", "另有 {number} 处改变：见 turning.csv。"),
    "assumption": ("assumption", "假设"),
    "regret_of": ("regret, without and with it", "遗憾值（无、有该假设）"),
    "best_there": ("best", "最优"),
    "turned": ("turned", "改变之处"),
    "turned_not": ("no", "未改变"),
    "then": ("{before}, then {after}", "{before}，然后 {after}"),
    "turned_there": ("there, '{instead}'", "在此，“{instead}”"),
    "turned_where": ("{side} {at}, '{instead}'", "{side} {at}，“{instead}”"),
    "barred_briefly": ("barred", "不可选"),
    "first_world": ("as it is", "原样"),
    "h_turns": ("What turns the choice", "什么会改变这一选择"),
    "turns_note": (
        "Regret of '{choice}', in the world that another starts from and in the other, or with a number in its lowest "
        "and in its highest part; who is best there; and where another takes its place by more than luck.",
        "“{choice}”的遗憾值：在起始情景与该情景中，或数值处于最低段与最高段时；各处的最优策略；以及何处有其他策略明显取而代之。",
    ),
    # The page
    "kicker": (
        "{name} · {worlds} worlds · {policies} policies · {budgets} budgets · {units} units",
        "{name} · {worlds} 个情景 · {policies} 个策略 · {budgets} 个预算 · {units} 个计算单元",
    ),
    "foot": (
        "Made by Tenure. Study {digest}. This page is self-contained: it can be mailed.",
        "由 Tenure 生成。研究 {digest}。本页自成一体，可通过邮件发送。",
    ),
    "card_survives": ("Survives", "站得住"),
    "card_of": ("{some} of {of}", "{some}/{of}"),
    "card_worlds": ("worlds, '{policy}'", "个情景，“{policy}”"),
    "card_regret": ("Its worst regret", "其最大遗憾值"),
    "card_in": ("in '{world}'", "在“{world}”"),
    "card_gain": ("Its mean gain", "其平均增量"),
    "card_against": ("against '{reference}'", "相对“{reference}”"),
    "h_answer": ("The answer", "结论"),
    "h_survives": ("Who survives", "哪些策略站得住"),
    "h_regret": (
        "What is left on the table: regret by world and policy",
        "错失的价值：各情景与策略的遗憾值",
    ),
    "regret_note": (
        "The darker, the more the best of that world and budget is worth that keeps the budget and the rules; ~: too "
        "close to call. A cell leads to its row.",
        "颜色越深，同一情景和预算下符合预算与规则的最优策略高出越多；~ 表示难分高下。点击单元格可跳至对应行。",
    ),
    "h_worlds": ("Every world, budget and policy", "全部情景、预算与策略"),
    "h_where": ("Where the gain comes from, and when", "增量来自哪里、何时实现"),
    "h_numbers": ("What of the world decides", "哪些情景因素起决定作用"),
    "h_grounds": ("What this rests on", "结论的依据"),
    "some_groups": (
        "Shown: {some} of {of} worlds and budgets, where each policy is worst and where '{policy}' leaves most; "
        "table.csv has all.",
        "此处列出 {of} 个情景与预算中的 {some} 个：各策略最差之处，以及“{policy}”错失最多之处；全部见 table.csv。",
    ),
    "more_swings": (
        "{number} more, of smaller effect, are left out here.",
        "另有 {number} 项影响较小，此处从略。",
    ),
    "gains_some": (
        " Of more than {most} worlds and budgets {most} points are drawn, evenly by rank, the ends among them.",
        "情景与预算多于 {most} 个时，按名次均匀绘出 {most} 个点，含两端。",
    ),
    "gains": (
        "A point for each world and budget; the line is from the least gain to the greatest.",
        "每个点为一个情景和预算；线段连接最小与最大增量。",
    ),
    "gains_barred": (
        " Where a policy overspends or breaks a rule it has no point.",
        "超支或违反规则之处没有点。",
    ),
    "no_gain": (
        "There is no policy beside the reference whose gain could be split.",
        "除对照策略外没有可分解增量的策略。",
    ),
    "where": (
        "'{policy}' against '{reference}', discounted: by segment within the horizon, and what comes after.",
        "“{policy}”相对“{reference}”的增量（已折现）：规划期内按客群，以及规划期之后。",
    ),
    "after": ("after the horizon", "规划期之后"),
    "added_up": (
        "The same added up over time, and the period from which on it has paid back.",
        "同一增量随时间的累计，以及收回投入的时期。",
    ),
    "after_part": ("after {part}/{parts}", "至 {part}/{parts}"),
    "whole": ("whole horizon", "整个规划期"),
    "with_after": ("with what comes after", "含规划期之后"),
    "paid_back": ("paid back from", "自何期起收回"),
    "course": (
        "Discounted gain so far, by world; what comes after the horizon is not in it.",
        "各情景截至当时的折现增量；不含规划期之后。",
    ),
    "not_drawn": (" Not drawn, but in over_time.csv: {what}.", "未绘出但见于 over_time.csv：{what}。"),
    "left_worlds": ("{number} worlds", "{number} 个情景"),
    "left_budgets": ("{number} budgets", "{number} 个预算"),
    "and": (" and ", "和"),
    "no_numbers": (
        "No numbers were drawn or combined: worlds differ as their names say.",
        "没有抽取或组合数值：各情景的差别即其名称所述。",
    ),
    "tornado": (
        "Gain of '{policy}' where a number is in its lowest (left in its name) and in its highest part.",
        "“{policy}”在某数值处于最低段（名称左侧）与最高段时的增量。",
    ),
    "files": (
        "In this page's folder: `table.csv` (all of it), `segments.csv`, `levers.csv`, `over_time.csv`, `turning.csv` "
        "and every plan that was made; `tenure explain` says why one is as it is.",
        "本页同一文件夹中有：`table.csv`（以上全部）、`segments.csv`、`levers.csv`、`over_time.csv`、`turning.csv` 以及"
        "制定的每个方案；`tenure explain` 说明某个方案的理由。",
    ),
    # Charts
    "axis_gain": ("gain against '{reference}'", "相对“{reference}”的增量"),
    "axis_tornado": ("mean gain in the number's lowest and highest part", "数值处于最低段与最高段时的平均增量"),
    "bar": ("{path}{budget}: {low} to {high}", "{path}{budget}：{low} 至 {high}"),
    "bar_budget": (", budget {budget}", "，预算 {budget}"),
    "panel": ("budget {budget}", "预算 {budget}"),
    "week": ("weeks", "周"),
    "month": ("months", "月"),
    "quarter": ("quarters", "季度"),
    "year": ("years", "年"),
}  # fmt: skip


def study_words(language: str) -> Words:
    """Return what a study's page says, by key."""
    return spoken(_BOTH, language)


ENGLISH = study_words("en")
"""What the terminal and notebooks say."""
