"""The page on which a planner plays with the budget: no server, no network, nothing solved."""
