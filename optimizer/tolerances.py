"""From where on something counts: every tolerance of the optimiser, with what it is for."""

# --- Rules, as shares of their sizes ----------------------------------------------------------------------------------

MISSED = 1e-6
"""From which on a plan misses a rule, a campaign's least size among them; a plan is called feasible up to ten times it:
what is held is rounded once more."""
AIMED = 2.5e-7
"""From which on a search's end is brought inside the rules: a rule on the asset has a unit larger than its limit."""
FITTED = 1e-9
"""Up to which money may be outside a rule when campaigns are scaled into it."""
NEARLY = 1e-2
"""Up to which a search's end is brought inside the rules by aiming beyond them; further outside it is no rounding."""
BROKEN = 1e-4
"""From which on a plan that misses a rule is refused."""
CLASH = 1e-7
"""Sum of what rules must be missed by, from which on they cannot all be met: below is what linear programmes leave."""
PRICED = 1e-9
"""Price from which on a rule binds."""

# --- Linear programmes ------------------------------------------------------------------------------------------------

TOLERANCE = 1e-6
"""Relative to the size of a row, or of the objective, to which an answer is checked: HiGHS works to 1e-7."""
MET = 1e-9
"""Sum of what rows of a mix are missed by, in their units, up to which they count as met."""
WEIGHTLESS = 1e-12
"""Weight in a mix up to which a plan has none."""

# --- Where searches end -----------------------------------------------------------------------------------------------

GAIN = 2e-6
"""Share of the lift that a step of the sequential search must promise, or several steps bring."""
LEAST_GAIN = 1e-4
"""The same of the search for the least spend: a place to count from, not a plan."""
COARSE = 1e-3
"""The same of one of many starts: which is best shows before."""
FAR = 0.05
"""Share of the possible lift left open by the proof from which on the search goes on from more starts."""
CHANGE = 1e-5
"""Share of what is at stake that other campaigns than now must bring."""
SETTLED = 1e-4
"""Share of the possible lift that rounds of playable plans must bring."""
PRECISE = 1e-9
"""Share of what is at stake that settles a plan before it is priced: prices want more digits than plans."""
BOUND = 1e-3
"""Of the bound with full information, as a share of the possible lift, where none was asked for."""
OPTIMAL = 1e-6
"""Of the lift over no spend: an allocation over curves within it is called optimal."""
CLOSE = 1e-3
"""How exactly a line's range ends, as a share of what it may cost."""

# --- What is nothing --------------------------------------------------------------------------------------------------

EMPTY = 1e-9
"""Heads below which a cell is empty."""
DUST = 1e-9
"""Share of a variable's own size that is none: arithmetic."""
TINY = 1e-6
"""Share of today's spend below which a budget is too small to be told from none."""
NO_LIFT = 1e-9
"""Share of the least spend's asset up to which a lift is none."""
EXACT = 1e-12
"""Gap, as a share of the bound, below which it is rounding."""
ARITHMETIC = 1e-9
"""Share of the largest charge that is no difference: the same search in another currency takes the same way."""
UNSPENT = 1e-4
"""Share of the budget that may be left without a word."""
SAME = 1e-7
"""Share of the asset by which a plan may differ from what its file says."""

# --- Ends -------------------------------------------------------------------------------------------------------------

FULL = 0.99
"""Share of the largest intensity from which on it is played."""
OVER = 1.001
"""Reach of curves beyond the budget, in budgets, so that its right-hand price is seen."""
