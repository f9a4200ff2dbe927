"""The demo's scenario: the fitted customers, and people, levers and responses that are illustrative assumptions.

CDNOW's purchases come without what was spent to bring them, so money is scaled to the mean purchase.
"""

from collections.abc import Mapping

from experiments.study.scenario_file import PERIODS, Calibrated, fitted_text, rounded, traits_text

__all__ = ["illustrative_text"]

_LEVERS = """\
levers:
  awareness:            # assumption: advertising that makes the unaware identify themselves
    targets: [unaware]
    reference: {awareness}     # money per unaware person per month today
    moves:
      awareness:        # chance per month to become a prospect
        {{without_money: 0.001, unlimited_money: 0.008, spend: {awareness}, brings: 0.002}}
  acquisition:          # assumption: offers that win a prospect's first purchase
    targets: [prospect]
    reference: {acquisition}
    moves:
      acquisition:      # chance per month of a first purchase
        {{without_money: 0.004, unlimited_money: 0.05, spend: {acquisition}, brings: 0.0175}}
  development:          # assumption: cross-selling to customers who are buying
    targets: [new, developing, core]
    reference: {development}
    moves:
      purchase_rate:    # relative gain in purchases
        {{without_money: 0.0, unlimited_money: 0.12, spend: {development}, brings: 0.04}}
  retention:            # assumption: service and care that keep a typical customer
    targets: [new, developing, core, declining]
    reference: {retention}
    moves:
      survival:         # chance per month that a typical customer stays
        {{without_money: 0.90, unlimited_money: 0.955, spend: {retention}, brings: 0.93}}
  winback:              # assumption: letters to the silent; some of them never left
    targets: [declining, lapsed]
    reference: 0.0      # not done today
    moves:
      reactivation:     # chance per month that one who had left returns with a purchase
        {{without_money: 0.0, unlimited_money: 0.03, spend: {winback}, brings: 0.01}}
"""

_SHARES: Mapping[str, float] = {
    "awareness": 0.0006, "acquisition": 0.01, "development": 0.005, "retention": 0.005, "winback": 0.01
}  # fmt: skip
"""Assumed intensity of each lever as a share of the mean purchase."""


_RANGES = """\
uncertain:              # between what each assumption is thought to lie; with them headlines say how sure they are
  - {{path: levers.awareness.moves.awareness.brings, low: 0.0014, high: 0.003}}
  - {{path: levers.acquisition.moves.acquisition.brings, low: 0.012, high: 0.024}}
  - {{path: levers.development.moves.purchase_rate.brings, low: 0.01, high: 0.07}}
  - {{path: levers.retention.moves.survival.brings, low: 0.915, high: 0.942}}
  - {{path: levers.winback.moves.reactivation.brings, low: 0.003, high: 0.018}}
  - {{path: segments.new customers.start.prospect, low: {fewer}, high: {more}}}
  - {{path: margin, low: 0.25, high: 0.35}}
"""


def illustrative_text(found: Calibrated, *, name: str, base_file: str, currency: str) -> str:
    """Return the text of the demo's scenario file, with its assumptions explained."""
    money = {lever: rounded(share * found.gamma_gamma.mean_spend(), 2) for lever, share in _SHARES.items()}
    prospects = rounded(0.5 * found.customers, 2)
    ranges = _RANGES.format(fewer=f"{rounded(prospects / 2, 2):.0f}", more=f"{rounded(1.5 * prospects, 2):.0f}")
    margin = "0.30            # margin rate on revenue; assumption"
    return f"""\
{fitted_text(found, name=name, base_file=base_file, currency=currency, margin=margin)}
segments:
  new customers:        # everybody who is won from now on
    start:
      unaware: {rounded(2.0 * found.customers, 2):.0f}    # people who could buy and do not know the firm; assumption
      prospect: {prospects:.0f}   # known to the firm, never bought; assumption
{traits_text(found)}
# Every response is neutral at the reference, the spend under which the purchases were made.
{_LEVERS.format(**money)}
{ranges}
rules:
  # budget: 100000      # money over the horizon; without it, what today's spend costs
  period_share: {rounded(2 / PERIODS, 4)}  # no month more than twice the average
  levers:               # shares of the budget
    awareness: {{floor: 0.05, cap: 0.5}}
    acquisition: {{floor: 0.10, cap: 0.7}}
    development: {{cap: 0.5}}
    retention: {{cap: 0.6}}
    winback: {{cap: 0.3}}
"""
