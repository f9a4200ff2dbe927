"""What a scenario's mechanisms are said to be, in every language; parts in braces are filled in."""

from __future__ import annotations

from experiments.words.languages import Words, spoken

__all__ = ["mechanism_words"]

_BOTH = {
    # Where nothing was stated
    "assumed": (" (assumed)", "（假设）"),
    "assumed_why": (" (assumed: {why})", "（假设：{why}）"),
    "sears": ("the figure told of Sears", "Sears 案例的数字"),
    # When levers act
    "acts_today": ("today's spend acts until then (assumed)", "在此之前现状投入继续起作用（假设）"),
    "committed": ("{amount} each is committed until then", "在此之前每人 {amount} 已经承诺"),
    "lead_time": (
        "decided {time} before it acts and is paid; {before}",
        "提前 {time}决定，届时才起作用并支付；{before}",
    ),
    "duration": ("a campaign runs unchanged for {time}", "活动一经开始持续 {time}不变"),
    "saturates": (
        "its medium saturates ({amount}): the more is spent in a {period}, the less each works",
        "其媒介会饱和（{amount}）：同一{period}内投入越多，每单位作用越小",
    ),
    "missed": ("{share} of {stage}", "{stage} 的 {share}"),
    "misses": (
        "it misses the need of {whom} customers, whom the firm does not know yet: they bear its {harm} and have "
        "nothing of its {good}; the others the other way round",
        "它不合 {whom} 客户的需要（公司尚不了解他们）：他们承受其{harm}，得不到其{good}；其余客户则相反",
    ),
    "spills": (
        "of its money on “{name}” {share} works on “{to}” too",
        "对“{name}”的投入中有 {share} 也作用于“{to}”",
    ),
    "carry_over": (
        "{share} of what acts is carried over from the {period} before",
        "起作用的部分中有 {share} 由上一{period}延续而来",
    ),
    "tires_usual": (", where today's is {usual},", "（现状为 {usual}）"),
    "tires": (
        "it tires: at {half} each per {period} of late{where} it works half as well",
        "会产生疲劳：近期每人每{period} {half} 时{where}，作用减半",
    ),
    "drives_away": (
        "it drives away: for every 1 each per {period} of late above today's the defection rate rises by {share}",
        "会赶走客户：近期每人每{period}每高出现状 1，流失率上升 {share}",
    ),
    "pulled_forward": (
        "{share} of the purchases it adds are pulled forward, and are missing later",
        "所增加的购买中有 {share} 是提前购买，此后会减少",
    ),
    "forgets": (
        "of what was of late {share} counts a {period} later{mark}",
        "近期投入的影响到下一{period}保留 {share}{mark}",
    ),
    # What customers are like
    "share_of_customer": (
        "Share of customer: {share} of what customers buy in the category is bought from us today; levers that move "
        "preference and rivals change it (logit).",
        "客户份额：客户在该品类的购买中目前有 {share} 来自我方；影响偏好的手段和竞争者会改变它（logit）。",
    ),
    "lost": ("{share} of the gone are lost for good each {period}", "已流失者中每{period}有 {share} 永久流失"),
    "none_lost": ("none of the gone are lost for good{mark}", "没有已流失者永久流失{mark}"),
    "law_silent": (
        "Leaving is silent: the firm only sees that no purchase comes{mark}; {lost}.",
        "流失是悄然的：公司只看到没有购买{mark}；{lost}。",
    ),
    "law_contractual": (
        "Leaving is seen at once, as the end of a contract: the stage is then lapsed; {lost}.",
        "流失即合同终止，公司立即看到：此后阶段为沉睡客户；{lost}。",
    ),
    "law_renewal": (
        "Customers renew: who stays through a {period} pays once, at its end; who does not is seen to leave; {lost}.",
        "客户续约：整{period}都留下的客户在期末付款一次，否则公司看到其离开；{lost}。",
    ),
    "stages_renewal": (
        "The firm sees a customer as core from {core} payments on{mark}.",
        "付款 {core} 次起公司视为核心客户{mark}。",
    ),
    "stages": (
        "The firm sees a customer as core from {core} purchases on{core_mark}, as declining after {declining} silent "
        "{period}{declining_mark}, as lapsed after {lapsed}{lapsed_mark}.",
        "购买 {core} 次起公司视为核心客户{core_mark}，连续 {declining} {period}没有购买视为衰退客户{declining_mark}，"
        "{lapsed} {period}后视为沉睡客户{lapsed_mark}。",
    ),
    "lowers_defection": ("lowers the defection rate by {share}", "使流失率降低 {share}"),
    "raises_rate": ("raises the purchase rate by {share}", "使购买频率提高 {share}"),
    "raises_amount": ("raises the amount of a purchase by {share}", "使单次金额提高 {share}"),
    "enter_alike": ("enter like those who are there (assumed)", "与在册客户的分布相同（假设）"),
    "enter_at": ("enter at {points} points", "以 {points} 分进入"),
    "level_up": ("A level up {effects}.", "每升一级{effects}。"),
    "level_nothing": (
        "It changes nothing that customers do: no effect is stated.",
        "它不改变客户的任何行为：没有给出作用。",
    ),
    "satisfaction": (
        "Satisfaction, five levels from 0 to 100 points: {shares} of customers in the data, {mean} in the mean. Each "
        "{period} {share} reconsider{mark} and move by one level at most; the newly won and the returned {entry}. "
        "{effects}",
        "满意度分五级，0 至 100 分：数据中各级客户占 {shares}，平均 {mean} 分。"
        "每{period}有 {share} 的客户重新评价{mark}，"
        "至多变动一级；新赢得与返回的客户{entry}。{effects}",
    ),
    # Channels and what serving costs
    "partner": (
        "Channels: {share} of purchases come through a partner, who keeps {commission} of what is paid there; revenue "
        "is what is left to the firm.{own}{lost}",
        "渠道：{share} 的购买经由合作渠道，其保留所付金额的 {commission}；收入为公司所得部分。{own}{lost}",
    ),
    "partner_own": (" Of {parts}.", "其中：{parts}。"),
    "partner_of": ("“{name}” {share} at {commission}", "“{name}”{share}，佣金 {commission}"),
    "partner_of_next": ("of “{name}” {share} at {commission}", "“{name}”{share}，佣金 {commission}"),
    "partner_lost": (
        " Of “{name}” the partner keeps more than the margin of {margin}: every purchase there costs the firm {loss} "
        "of what is paid.",
        "“{name}”的合作渠道保留部分高于 {margin} 的利润率：每笔购买使公司损失所付金额的 {loss}。",
    ),
    "serving": ("Serving customers{where} costs {parts}.", "服务{where}客户的成本：{parts}。"),
    "serving_in": (" in “{name}”", "“{name}”"),
    "per_customer": ("{amount} per true customer and {period}", "每位真实客户每{period} {amount}"),
    "per_purchase": ("{amount} per purchase", "每次购买 {amount}"),
    # Segments of their own
    "kinds": (
        "Prospects of “{name}” are of {number} kinds that the firm cannot tell apart: {kinds}.",
        "“{name}”的潜在客户有 {number} 类，公司无法区分：{kinds}。",
    ),
    "semicolon": ("; ", "；"),
    "own": ("“{name}” has its own {parts}.", "“{name}”单独设定：{parts}。"),
    "own_margin": ("margin {value}", "利润率 {value}"),
    "own_loss": ("loss {value}", "永久流失率 {value}"),
    "own_share": ("share of customer {value}", "客户份额 {value}"),
    "own_stages": ("thresholds of stages", "阶段阈值"),
    "value": (
        "Value to customers of “{name}”: gain {gained}{by} less cost {cost}, against {usual} when the data were "
        "gathered; {moves}.",
        "“{name}”的客户所得价值：所得 {gained}{by} 减成本 {cost}，收集数据时为 {usual}；{moves}。",
    ),
    "value_by": (" ({drivers})", "（{drivers}）"),
    "value_moves": (
        "the chance of a level up in satisfaction shifts by {share}",
        "满意度升一级的概率变动 {share}",
    ),
    "value_nothing": ("reported only: nothing follows from it (assumed)", "仅作报告：没有后续影响（假设）"),
    "quality": ("{share} with {parts}", "{share}：{parts}"),
    "quality_alike": ("{share} as the segment", "{share} 与客群相同"),
    "times_usual": ("{what} {factor} times the usual", "{what}为通常的 {factor} 倍"),
    "chance_won": ("chance of being won", "被赢得的概率"),
    "money_adds": ("what money adds to it", "投入所增加的概率"),
    "rate": ("purchase rate", "购买频率"),
    "spend": ("money per purchase", "单次金额"),
    "cost": ("cost to serve", "服务成本"),
    "bad_debt": ("{share} of revenue never paid", "{share} 的收入无法收回"),
    # Employees
    "employees": (
        "Employees: satisfied with {start} points at the start{start_mark}, {usual} when the data were gathered; each "
        "{period} {share} of the distance to that is made good{reversion_mark}. {points} points more, kept up, bring "
        "{bring} {unit} of customer satisfaction in the long run{told}. {moved}{leavers}",
        "员工：期初满意度 {start} 分{start_mark}，收集数据时为 {usual} 分；每{period}恢复与后者差距的 {share}"
        "{reversion_mark}。持续高出 {points} 分，长期使客户满意度提高 {bring} {unit}{told}。{moved}{leavers}",
    ),
    "point": ("point", "分"),
    "points": ("points", "分"),
    "moved_by": ("Moved by {levers}.", "受以下手段影响：{levers}。"),
    "moved_by_none": ("No lever moves them.", "没有手段影响员工。"),
    "leave": (
        " At the usual satisfaction {share} of employees leave each {period}{falls}{cost}.",
        "在通常满意度下，每{period}有 {share} 的员工离职{falls}{cost}。",
    ),
    "leave_falls": (", {share} fewer for each point more", "，每高一分减少 {share}"),
    "leave_ties": (", and ties to them are lost so much less", "，与其的关系纽带也相应少丢失"),
    "leave_cost": (
        "; replacing one costs {cost}, with {number} of them a customer {each} a customer and {period}, beside the "
        "cost to serve",
        "；替换一名员工的成本为 {cost}，按每位客户 {number} 名员工计，在服务成本之外每位客户每{period} {each}",
    ),
    # The market
    "mouth": (
        "Word of mouth: ten points of net promoters (levels 4 and 5 less 1 and 2) above those in the data raise the "
        "chances of awareness and of winning by {heard}.",
        "口碑：净推荐值（第 4、5 级减第 1、2 级）每比数据高 10 个百分点，认知与获客的概率提高 {heard}。",
    ),
    "heard": ("{share} in “{to}” from “{voice}”", "{share}（“{to}”受“{voice}”影响）"),
    "seasons": (
        "Seasons: the purchase rate is multiplied by {factors} in turn, from the first {period} on; after the horizon "
        "by 1.",
        "季节：自第一{period}起，购买频率依次乘以 {factors}；规划期之后乘以 1。",
    ),
    "rival": (
        "Competitor “{name}” {acts} {when}{where}: {does}{reacts}.",
        "竞争者“{name}”{when}{where}{acts}：{does}{reacts}。",
    ),
    "rival_acts": ("acts on {routes} with strength {strengths}", "作用于{routes}，强度 {strengths}"),
    "rival_sells": ("sells at {share} % of its price in the data", "以数据中价格的 {share} % 出售"),
    "rival_reacts": (
        "; it reacts: for every per cent that our share of the market's people grows, {answer} by {reaction} %, to "
        "{most} times at most{mark}",
        "；它会反应：我方占市场人数的份额每增长百分之一，{answer} {reaction} %，至多 {most} 倍{mark}",
    ),
    "rival_strength": ("its strength grows", "其强度增加"),
    "rival_both": ("its strength and {change} grow", "其强度与{change}增加"),
    "rival_change": ("{change} grows", "{change}增加"),
    "rival_cut": ("its cut", "其降价幅度"),
    "rival_rise": ("what its price rose by", "其涨价幅度"),
    "multiplied": ("{what} is multiplied by {times}", "{what}乘以 {times}"),
    "the_defection": ("the defection rate", "流失率"),
    "the_winning": ("the chance of winning", "获客概率"),
    "at_our_price": ("{said} at our price of today ({answered})", "按我方现价{said}（{answered}）"),
    "our_cut": ("a cut of ours by {levers} {good}", "我方以 {levers} 降价{good}"),
    "makes_good": ("that is as deep makes that good", "同等幅度可予抵消"),
    "counts_against": ("counts against its", "与其相抵"),
    "no_cut": ("no lever cuts ours", "没有手段降低我方价格"),
    "rival_defection": ("the defection rate is multiplied by {more}", "流失率乘以 {more}"),
    "rival_acquisition": ("the chance of winning is multiplied by {less}", "获客概率乘以 {less}"),
    "rival_share of customer": (
        "it takes {share} of our purchases where we are no more attractive than today",
        "在我方吸引力不高于现状处，夺走我方 {share} 的购买",
    ),
    "route_defection": ("defection", "流失"),
    "route_acquisition": ("acquisition", "获客"),
    "route_share of customer": ("share of customer", "客户份额"),
    "shock": ("Shock “{name}” {when}{where}: {does}.", "冲击“{name}”{when}{where}：{does}。"),
    "shock_awareness": ("the chance of awareness is multiplied by {factor}", "认知概率乘以 {factor}"),
    "shock_acquisition": ("the chance of winning is multiplied by {factor}", "获客概率乘以 {factor}"),
    "shock_defection": ("the defection rate is multiplied by {factor}", "流失率乘以 {factor}"),
    "shock_purchase rate": ("the purchase rate is multiplied by {factor}", "购买频率乘以 {factor}"),
    "shock_satisfaction": (
        "the chance of a level up in satisfaction shifts by {share}, that of a level down by as much the other way",
        "满意度升一级的概率变动 {share}，降一级的概率反向变动同样幅度",
    ),
    "shock_employee": (
        "employee satisfaction moves by {size} points each {period}",
        "员工满意度每{period}变动 {size} 分",
    ),
    "shock_turnover": ("the chance that a tie is lost rises by {chance}", "失去关系纽带的概率上升 {chance}"),
    "from_on": ("from {period} {start} on", "自第 {start} {period}起"),
    "from_to": ("from {period} {start} to {end}", "自第 {start} 至第 {end} {period}"),
    "in_segments": (" in {segments}", "在{segments}"),
    "segment": ("“{name}”", "“{name}”"),
    # Surveys
    "never_asks": (
        "The firm never asks customers how satisfied they are; policies know nothing of it.",
        "公司从不询问客户的满意度；策略对此一无所知。",
    ),
    "every": ("every {period}", "每{period}一次"),
    "every_few": ("every {time}", "每 {time}一次"),
    "at_once": ("at once", "立即"),
    "later": ("{time} later", " {time}后"),
    "survey": (
        "Surveys: {every}{every_mark}, {sample} customers per segment and tier{sample_mark}; an answer errs by {noise} "
        "points{noise_mark}; results are known {delay}{delay_mark}. Policies see these, not the truth.",
        "调查：{every}{every_mark}，每个客群与层级 {sample} 位客户{sample_mark}；回答误差 {noise} 分{noise_mark}；"
        "结果{delay}"
        "可知{delay_mark}。策略看到的是调查结果，而非真实值。",
    ),
    "language": ("en", "zh"),
}


def mechanism_words(language: str) -> Words:
    """Return what is said of mechanisms, by key."""
    return spoken(_BOTH, language)
