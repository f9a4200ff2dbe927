"""What the report says below its answer, in every language: details and grounds; parts in braces are filled in."""

from __future__ import annotations

__all__ = ["DETAILS"]

DETAILS = {
    # The policies compared
    "h_policies": ("The policies compared", "策略比较"),
    "reference": ("reference", "对照"),
    "with_currency": ("{what}, {currency}", "{what}（{currency}）"),
    "policies_note": (
        "Customer asset: discounted profit from present and future customers after marketing{span} Alive at end: "
        "customers who are truly still customers, which a firm cannot see. The budget is {budget}. {expected}",
        "客户资产：现有与未来客户带来的、扣除营销支出后的折现利润{span}期末在册：实际上仍是客户的人数，"
        "公司无法直接看到。"
        "预算为 {budget}。{expected}",
    ),
    "span_with_after": (
        ", with what customers are worth after the horizon under today's spend.",
        "，含规划期之后客户在现状投入下的价值。",
    ),
    "span_within": (", within the horizon only.", "，只计规划期之内。"),
    "policies_chart": (
        "Dot: mean difference on the same customers with the same luck. Whisker: 95 % interval over replications.",
        "圆点：相同客户、相同随机数下的平均差异。横线：多次重复模拟的 95% 区间。",
    ),
    "h_rules": ("Rules that are broken", "违反的规则"),
    # Over time
    "h_over_time": ("Asset over time", "客户资产随时间的变化"),
    "over_time": (
        "Under {name}, {within} come within the horizon{after}. A policy that invests falls behind before it pulls "
        "ahead; part of its lead shows only after the horizon.",
        "在{name}下，{within} 在规划期之内实现{after}。先投入的策略会先落后、再领先；其部分领先要到规划期之后才显现。",
    ),
    "over_time_after": (
        " and {after} after it, from the customers it leaves behind",
        "，{after} 在规划期之后由届时留存的客户带来",
    ),
    # Where the money goes
    "h_allocation": ("Where {name} puts the money", "{name}把钱投向哪里"),
    "the_plan": ("the plan", "方案"),
    "nothing_spent": ("It spends nothing.", "没有任何支出。"),
    "expected": ("expected", "期望值"),
    "mean": ("mean over replications", "多次重复模拟的均值"),
    "allocation": ("{money} over the horizon ({how}): {levers}.", "整个规划期共 {money}（{how}）：{levers}。"),
    "segment": ("Segment", "客群"),
    "allocation_note": (
        "Money over the horizon by segment and lever{currency}, the most first; an empty cell gets nothing.",
        "整个规划期各客群、各手段的金额{currency}，由多到少排列；空白表示没有投入。",
    ),
    "in_currency": (", {currency}", "（{currency}）"),
    "allocation_chart": ("The same money by {period} and lever.", "同一笔钱，按{period}和手段。"),
    "terms": (
        "Terms, which no budget pays for, on customers as the firm sees them: {said}.",
        "不由预算支付的条件（价格、服务等），按公司所见的客户计：{said}。",
    ),
    "term": ("{lever}, {segment} {money}", "{lever}，{segment}：{money}"),
    "list": (", ", "、"),
    "full_stop": (".", "。"),
    "between": (" ", ""),
    "colon": (": ", "："),
    "proved": ("proved", "已证明"),
    "semicolon": ("; ", "；"),
    "none": ("none", "无"),
    # Customers by stage
    "h_customers": ("Customers by stage", "各阶段的客户"),
    "h_customers_of": ("Customers by stage: “{name}” and “{reference}”", "各阶段的客户：“{name}”与“{reference}”"),
    "still": ("still customers", "仍是客户"),
    "alive": ("alive (true, hidden)", "在册（真实值，公司看不到）"),
    "heads": ("Head counts by state.", "各状态的人数。"),
    "heads_seen": (
        "Head counts as the firm sees them; the silently gone still count where they were last seen. The last panel is "
        "the truth: customers who are still customers.",
        "公司所见的人数；悄然流失者仍计入最后所在的阶段。最后一图为真实情况：仍是客户的人数。",
    ),
    "states_left_out": (" {number} smaller states are left out.", "另有 {number} 个较小的状态从略。"),
    # Winning and keeping
    "h_winning": ("Cost of winning against keeping", "获客成本与留存成本"),
    "policy": ("Policy", "策略"),
    "on_winning": ("Spent on winning", "获客支出"),
    "won": ("Customers won", "赢得的客户"),
    "per_won": ("Per customer won", "每位新客户"),
    "on_keeping": ("Spent on keeping", "留存支出"),
    "years_kept": ("Customer-years", "客户年数"),
    "per_year_kept": ("Per customer-year kept", "每留存一客户年"),
    "winning_note": (
        "Averages, not margins: some customers come or stay without any money. Winning: levers that move awareness or "
        "acquisition. Keeping: levers that move survival, per year of a true customer.",
        "为平均值而非边际值：有些客户不花钱也会来或留下。获客：影响认知或获客的手段。留存：影响留存率的手段，"
        "按真实客户的每一年计。",
    ),
    # Measured and assumed
    "measured": ("Measured", "测量所得"),
    "assumed": ("Assumed", "假设"),
    "measured_base": (
        "Customers on record up to {day}, and how each buys, leaves and spends: fitted to purchases.",
        "截至 {day} 在册的客户，以及每位客户如何购买、流失和消费：由购买记录拟合。",
    ),
    "assumed_laws": (
        "How customers buy, leave and spend: stated in the scenario.",
        "客户如何购买、流失和消费：由情景设定。",
    ),
    "assumed_heads": ("How many people are in {segments} at the start.", "期初{segments}的人数。"),
    "segment_name": ("“{name}”", "“{name}”"),
    "measured_curve": ("How customers answer money: {curve}.", "客户对投入的反应：{curve}。"),
    "assumed_curves": ("How customers answer money through {levers}.", "客户对以下手段投入的反应：{levers}。"),
    "assumed_margin": ("A margin of {margin}.", "利润率 {margin}。"),
    "with_ranges": (
        "{number} of these numbers have a stated range: `tenure risk` weighs them.",
        "其中 {number} 个数值给出了范围：`tenure risk` 会加以权衡。",
    ),
    "nothing_measured": (
        "Nothing: every number is stated in the scenario.",
        "无：所有数值均由情景设定。",
    ),
    # How far from the best
    "h_bound": ("How far from the best possible", "距离可能的最优还有多远"),
    "no_plan": (
        "No plan was optimised in this study, so there is no upper bound to measure against.",
        "本次没有求解优化方案，因此没有可对照的上界。",
    ),
    "bound_note": (
        "Values here are expected ones with customers in trait classes; those in the table of policies are simulated "
        "with traits of each customer's own, so they differ a little. Search: {search}.",
        "此处为期望值，客户按特征类别归组；策略比较表中为模拟值，每位客户有各自的特征，因此略有差异。求解过程："
        "{search}。",
    ),
    "h_prices": ("What the rules cost", "规则的代价"),
    "binds": ("Rule that binds", "起约束作用的规则"),
    "next_of_rule": ("Next unit", "再放宽一单位"),
    "less_of_rule": ("Unit less", "收紧一单位"),
    "holds_for": ("Holds for", "适用范围"),
    "loosened_by": ("Loosened by", "放宽"),
    "that_brings": ("That brings", "带来"),
    "that_saves": ("That saves money by", "节省"),
    "prices_note": (
        "Each limit by itself, near this plan: what the next unit of it changes, and a unit less; how far it can be "
        "loosened before that has moved by a tenth; and what a round step brings. With the budget move the limits that "
        "are stated as shares of it.",
        "逐一考察各项限制，仅在本方案附近成立：再放宽一单位与收紧一单位的影响；放宽到何处这一影响变动十分之一；"
        "以及放宽一个整数"
        "步长带来多少。以预算比例给出的限制随预算一同变动。",
    ),
    # The fit
    "h_fit": ("How well the purchases are described", "对购买行为的拟合程度"),
    "fit_figure": ("Figure", "指标"),
    "published": ("Published", "已发表值"),
    "computed": ("Computed here", "本次计算值"),
    # What is assumed
    "h_assumptions": ("What is assumed", "各项假设"),
    "assumption": ("assumption", "假设"),
    "basic_margin": ("Margin: {margin} of revenue.", "利润率：收入的 {margin}。"),
    "margins_already": ("Amounts are margins already.", "金额已是利润。"),
    "discounted": (
        "Money is discounted at {rate} a year; what comes after the horizon is {after}.",
        "金额按每年 {rate} 折现；规划期之后的部分{after}。",
    ),
    "after_counted": ("counted, under today's spend", "按现状投入计入"),
    "after_not_counted": ("not counted", "不计入"),
    "at_start": ("At the start, “{name}” holds {counts}.", "期初“{name}”有：{counts}。"),
    "heads_in": ("{number} {stage}", "{stage} {number} 人"),
    "real_customers": (
        "Everybody else is a real customer on record up to {day}, each with a posterior of its own.",
        "其余均为截至 {day} 在册的真实客户，各有其后验分布。",
    ),
    "chain": (
        "Customers follow a chain that the scenario gives, with {number} states.",
        "客户按情景给出的马尔可夫链变化，共 {number} 个状态。",
    ),
    "action": ("Action", "行动"),
    "action_today": (" (as today)", "（现状）"),
    "per_customer": ("Money per customer and {period}", "每位客户每{period}金额"),
    "used_on": ("Used on", "对象"),
    "does": ("What money does", "投入的作用"),
    "not_used": ("not used", "未使用"),
    "responses": (
        "{curves}; the dot is today's spend, where the fitted behaviour of customers is left as it is.",
        "{curves}；圆点为现状投入，在该处客户的行为与拟合一致。",
    ),
    "curves_measured": (
        "The responses. Those that were measured pass through what was seen, the others through the answers",
        "响应曲线。经测量的曲线通过观测值，其余通过管理者的回答",
    ),
    "curves_assumed": (
        "The assumed responses. Each passes through the manager's answers",
        "假设的响应曲线，均通过管理者的回答",
    ),
    # What intervals cover
    "h_coverage": ("What the intervals cover", "区间包含什么"),
    "coverage": (
        "Replication noise only: the customers' hidden truth and luck over {number} replications, the same customers "
        "with the same luck under every policy. They do not cover the assumptions above, nor the uncertainty of fitted "
        "parameters. With other responses the ranking may change.",
        "仅含模拟噪声：{number} 次重复模拟中客户的隐藏特征与运气，各策略下客户与随机数相同。不含上述假设的不确定性，"
        "也不含拟合参数"
        "的不确定性。若客户反应不同，排名可能改变。",
    ),
    "coverage_all": (
        "The intervals that count what is not known are of one future: its luck, and one of {worlds} worlds drawn from "
        "the {ranges} ranges under 'uncertain', in which every policy is played in expected numbers by a firm that "
        "does not know which it is. What has no range is taken as known.",
        "计入未知因素的区间针对单次未来：它的运气，以及从 uncertain 下 {ranges} 个范围中抽取的 {worlds} 种情形之一；"
        "公司并不"
        "知道是哪一种，各策略在其中按期望值计算。没有给出范围的数值视为已知。",
    ),
    # What to do next
    "h_next": ("What to do next", "下一步"),
    "next_replace": (
        "Replace the assumed responses, prospect numbers and margin in the scenario file with your own; "
        "`tenure check SCENARIO` reads the file back in words.",
        "将情景文件中假设的响应、潜在客户数和利润率换成贵公司的数据；`tenure check SCENARIO` 会用文字复述该文件。",
    ),
    "next_optimise": (
        "Let the optimiser look for a better policy: `tenure optimize SCENARIO -o plan.json`.",
        "让优化器寻找更优的策略：`tenure optimize SCENARIO -o plan.json`。",
    ),
    "next_budget": (
        "See what another budget is worth: `tenure optimize SCENARIO --budget X -o plan.json`.",
        "看看另一个预算值多少：`tenure optimize SCENARIO --budget X -o plan.json`。",
    ),
    "next_compare": (
        "Run the study again with `tenure compare SCENARIO --policy as-today --policy plan.json`.",
        "再次比较：`tenure compare SCENARIO --policy as-today --policy plan.json`。",
    ),
    "next_ui": (
        "Browse every run, and what it depended on, with `tenure ui`.",
        "用 `tenure ui` 浏览每次运行记录及其依据。",
    ),
    "next_test": (
        "Test the response that matters most on a small random part of the customers before the budget moves.",
        "在调整预算之前，先随机抽取一小部分客户，检验最关键的响应。",
    ),
}  # fmt: skip
"""Pairs that :func:`experiments.words.report.report_words` takes with its own."""
