"""From a problem to a plan, a stage a module.

In their order: start, prove, search, size, repair, keep, settle, exchange, certify, further, price.
"""
