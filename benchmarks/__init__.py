"""Timings, run from the repository root: ``python -m benchmarks.demo``. Not part of the installed package."""
