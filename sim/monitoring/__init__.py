"""Actual against planned: what a firm saw, what was to be expected of it, what has moved, and by how much."""
