"""From problem to plan, a stage a module: start, prove, search, size, repair, keep, settle, certify, further, price."""
