"""The simulated world: customers, how they behave, the market around them, and what they are worth.

From most fundamental to most complex: :mod:`sim.errors`, :mod:`sim.contract`, :mod:`sim.scenario.file`,
:mod:`sim.history` and :mod:`sim.valuation`, :mod:`sim.engine` (how customers behave), :mod:`sim.customers` (where
they come from), :mod:`sim.twin` (both joined) and :mod:`sim.market` (the clock).
"""
