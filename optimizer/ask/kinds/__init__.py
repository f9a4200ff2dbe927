"""Kinds of rules, a file a kind: each finds its key in a scenario's rules and makes rows of it. Found by themselves."""
