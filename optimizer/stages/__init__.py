"""From a problem to a plan, a stage a module: start, prove, search, size, repair, settle, certify, price."""
