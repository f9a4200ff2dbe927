"""How good the best can be: decomposition of the occupancy LP, the bounds, and rules that exclude each other."""
