"""What the what-if page says, in every language; parts in braces are filled in."""

from __future__ import annotations

from experiments.words.languages import spoken

__all__ = ["whatif_words"]

_BOTH = {
    "title": ("What if the budget were another one?", "如果预算不同，会怎样？"),
    "kicker": ("{name} · {periods} {period}s", "{name} · {periods} {period}"),
    "month": ("month", "个月"),
    "week": ("week", "周"),
    "quarter": ("quarter", "个季度"),
    "year": ("year", "年"),
    "lead": (
        "Move a budget, hold a segment's money through a lever, and see what the customers are worth. Nothing is "
        "solved here: {number} plans were solved before, and what lies between them is looked up.",
        "调整预算，固定某个客群在某项手段上的投入，即可看到客户资产的变化。本页不求解：事先已求解 {number} 个方案，"
        "其间的数值由插值得出。",
    ),
    "plan_a": ("Plan A", "方案 A"),
    "plan_b": ("Plan B", "方案 B"),
    "budget": ("Budget", "预算"),
    "range": ("solved from {least} to {most}; not looked up beyond", "已求解范围 {least} 至 {most}，范围之外不推算"),
    "rules": ("Rules", "规则"),
    "all_rules": ("all of the scenario's", "情景中的全部规则"),
    "without": ("without “{rule}”", "不含“{rule}”"),
    "asset": ("Customer asset", "客户资产"),
    "lift": ("Against today", "与现状相比"),
    "lift_note": ("today spends {money}, whatever the budget", "现状支出 {money}，与预算无关"),
    "spend": ("Spends", "支出"),
    "price": ("Next unit of budget brings", "每增加一单位预算带来"),
    "price_note": ("beyond its own cost", "已扣除其成本"),
    "kept": ("Customers kept to the end", "期末留存客户"),
    "error_budgets": (
        "off from the solved plan by up to {worst}, usually {typical}, customers kept by up to {kept}, usually "
        "{kept_typical}, where it was checked",
        "经检验与精确求解相差最多 {worst}，通常 {typical}；留存客户相差最多 {kept}，通常 {kept_typical}",
    ),
    "error_nudged": (
        "off from the solved plan by up to {worst}, usually {typical}, customers kept by up to {kept}, usually "
        "{kept_typical}, where nudges were checked",
        "经检验（小幅调整）与精确求解相差最多 {worst}，通常 {typical}；留存客户相差最多 {kept}，通常 {kept_typical}",
    ),
    "error_moved": (
        "off from the solved plan by up to {worst}, usually {typical}, customers kept by up to {kept}, usually "
        "{kept_typical}, where large moves were checked: solve it before you act",
        "经检验（大幅调整）与精确求解相差最多 {worst}，通常 {typical}；留存客户相差最多 {kept}，通常 {kept_typical}："
        "实施前请精确求解",
    ),
    "error_none": (
        "how far this is off was not checked: solve it before you act",
        "此处的误差未经检验：实施前请精确求解",
    ),
    "exact": (
        "solved exactly in {seconds} s; what was looked up was off by {off}, customers kept by {kept}",
        "已精确求解（{seconds} 秒）；插值结果偏差 {off}，留存客户偏差 {kept}",
    ),
    "solve": ("Solve exactly", "精确求解"),
    "solving": ("Solving …", "求解中……"),
    "unsolved": ("not solved: {why}", "未能求解：{why}"),
    "unreachable": ("`tenure ui` does not answer any more", "`tenure ui` 已停止响应"),
    "locked_one": ("{count} line held; the others give way", "已固定 {count} 行，其余随之调整"),
    "locked": ("{count} lines held; the others give way", "已固定 {count} 行，其余随之调整"),
    "unlocked": ("no line is held", "未固定任何一行"),
    "release": ("Release all", "全部释放"),
    "copy": ("Copy to the other plan", "复制到另一方案"),
    "export": ("Export the table (CSV)", "导出表格（CSV）"),
    "keeps": ("keeps every rule that is followed here", "符合本页所检查的全部规则"),
    "breaks": (
        "breaks “{rule}”: {amount}, {side} {limit} {unit}{more}",
        "违反“{rule}”：{amount}，{side} {limit}{unit}{more}",
    ),
    "times_one": (", and once more", "，另有 1 次"),
    "times": (", and {times} more times", "，另有 {times} 次"),
    "at_most": ("at most", "上限"),
    "at_least": ("at least", "下限"),
    "unmet": (
        "what is held does not fit this budget: the table spends {spend} of {budget}",
        "固定的投入与该预算不符：表格支出 {spend}，预算 {budget}",
    ),
    "short": (
        "the lines that are not held are not looked up beyond the plan of {most}: the table spends {spend} of {budget}",
        "未固定的各行不推算至预算 {most} 的方案之外：表格支出 {spend}，预算 {budget}",
    ),
    "typed_above": ("“{typed}” is beyond what was solved: {used} is used", "“{typed}” 超出已求解范围：改用 {used}"),
    "typed_below": ("“{typed}” is below what was solved: {used} is used", "“{typed}” 低于已求解范围：改用 {used}"),
    "typed_none": (
        "“{typed}” is no amount of money (1500, 1,500 or 1.5k are): {used} stays",
        "“{typed}” 不是金额（可写 1500、1,500 或 1.5k）：保留 {used}",
    ),
    "typed_nothing": ("nothing was typed: {used} stays", "未输入金额：保留 {used}"),
    "typed_dot": (
        "“{typed}” is read as {read}; if thousands are meant, write {thousands}",
        "“{typed}” 按 {read} 读取；若表示千位，请写 {thousands}",
    ),
    "unspent": (
        "{amount} of the budget are not spent: they would not pay, or rules hold them back",
        "预算中有 {amount} 未支出：继续投入不再划算，或受规则限制",
    ),
    "too_close": (
        "Too close to call: the two differ by {gain} {currency}, less than the error of up to {unsure}.",
        "难分高下：两者相差 {gain} {currency}，小于最大误差 {unsure}。",
    ),
    "a_ahead": (
        "Plan A is worth {gain} {currency} more than plan B {spend}.",
        "方案 A 比方案 B 多 {gain} {currency}，{spend}。",
    ),
    "b_ahead": (
        "Plan B is worth {gain} {currency} more than plan A {spend}.",
        "方案 B 比方案 A 多 {gain} {currency}，{spend}。",
    ),
    "more_money": ("for {amount} more money", "支出多 {amount}"),
    "less_money": ("for {amount} less money", "支出少 {amount}"),
    "same_money": ("for the same money", "支出相同"),
    "curve": (
        "Customer asset against today by budget, without anything held.",
        "各预算下客户资产相对现状的变化（未固定任何行）。",
    ),
    "lines": ("Who gets how much, over the whole horizon", "整个规划期的投入分配"),
    "lines_note": (
        "Amounts can be typed. A line that was moved is held (ticked); the lines that are not held then follow the "
        "solved plan that keeps the budget. “Next” is what one more unit on the line brings beyond its own cost, the "
        "others held.",
        "金额可直接输入。调整过的行会被固定（打勾），其余各行随之取满足预算的已求解方案。“下一单位”为该行再增加一单位投入的净收益，"
        "其他行不变。",
    ),
    "idle_one": (
        "{count} line that reaches nobody is left out",
        "另有 {count} 行没有可触达的客户，未列出",
    ),
    "idle": (
        "{count} lines that reach nobody are left out",
        "另有 {count} 行没有可触达的客户，未列出",
    ),
    "line": ("Segment / lever", "客群 / 手段"),
    "today": ("Today", "现状"),
    "next": ("Next", "下一单位"),
    "money": ("money", "金额"),
    "lock": ("hold", "固定"),
    "all": ("all", "合计"),
    "how": ("How far this can be trusted", "可信程度"),
    "measured": (
        "Measured on {solves} plans solved exactly that the page was not made from: budgets, and lines held at amounts "
        "drawn at random (seed {seed}), large lines more often, the others solved anew; what does not fit budget and "
        "rules is not checked. Said less exact, customer asset in {currency}. The first rows are what “Solve exactly” "
        "will show; the last are what a table is off from its own value when played as it is.",
        "以下误差用 {solves} 个未用于生成本页的精确求解方案测得：预算，以及按随机金额（种子 {seed}，"
        "金额大的行更常抽到）固定若干行、其余各行重新求解；不符合预算或规则的组合不检验。客户资产单位 {currency}。"
        "前几行即“精确求解”会显示的偏差；后几行为表格按原样执行时与其自身价值的偏差。",
    ),
    "against_solved": ("{kind}, against the plan solved anew", "{kind}，与重新求解的方案相比"),
    "against_played": ("{kind}, the table as it is", "{kind}，与表格本身相比"),
    "worst_kept": ("Customers kept: largest", "留存客户：最大误差"),
    "typical_kept": ("usual", "通常误差"),
    "kind": ("Checked", "检验对象"),
    "worst": ("Largest error", "最大误差"),
    "typical": ("Usual error", "通常误差"),
    "number": ("Number", "数量"),
    "of_lift": ("Largest, of the lift", "最大误差占增量"),
    "kind_budgets": ("budgets half-way between solved ones", "两个已求解预算的中点"),
    "kind_nudged": ("lines nudged by up to {nudge}", "各行调整不超过 {nudge}"),
    "kind_moved": ("lines moved anywhere up to the most", "各行任意调整至上限"),
    "lacking": (
        "A table between two solved budgets is worth up to {lacking} less than the plan solved for that budget.",
        "两个已求解预算之间的表格，比专为该预算求解的方案最多少 {lacking}。",
    ),
    "targeting": (
        "Tables tell segments apart and nobody inside them. At the budget of {budget}, a plan that also tells stages "
        "and tiers apart was found to be worth {more} more{share}: `tenure optimize`.",
        "表格只区分客群。在预算 {budget} 下，进一步区分阶段与层级的方案可再增加 {more}{share}：`tenure optimize`。",
    ),
    "of_gain": (" ({share} of what tables gain against today)", "（占表格相对现状增量的 {share}）"),
    "expected": (
        "All figures are expected ones under the scenario's assumptions on how customers respond; a response that is "
        "assumed and not measured moves all of them.",
        "所有数字均为情景假设下的期望值；若客户反应只是假设而未经测量，全部数字会随之改变。",
    ),
    "terms": (
        "Terms stay as today here: {levers}. No budget pays for them; `tenure optimize` sets them too.",
        "本页中以下条款保持现状：{levers}。它们不由预算支付；`tenure optimize` 也会设定它们。",
    ),
    "not_followed": (
        "Not followed here, but checked by `tenure compare`: {what}.",
        "本页未检查、由 `tenure compare` 检查：{what}。",
    ),
    "contacts": ("contacts per customer", "每位客户的接触次数"),
    "campaigns": ("sizes of campaigns", "活动规模"),
    "play": (
        "Next: export a table and play it on simulated customers: `{command}`",
        "下一步：导出表格，并在模拟客户上运行：`{command}`",
    ),
    "noscript": (
        "This page needs scripts, which are switched off or kept out. These are the plans that were solved:",
        "本页需要启用脚本。以下为已求解的方案：",
    ),
    "foot": (
        "Made by Tenure from scenario {hash}. This page is self-contained: it works without a network.",
        "由 Tenure 根据情景 {hash} 生成。本页无需网络即可使用。",
    ),
}  # fmt: skip


def whatif_words(language: str) -> dict[str, str]:
    """Return what the page says, by key."""
    return spoken(_BOTH, language)
