"""A firm's history: money by period and lever, what came in by segment, and the curves that fit it."""
