"""Was the forecast right: what was known then, against what came."""
