"""From a firm's customers to simulated ones: what is inferred from their records, segments, and the population.

``calibration`` fits the laws of ``purchase_models``, ``segmentation`` groups customers, ``population`` makes the
simulated individuals. Purchases and records are in :mod:`sim.purchases`.
"""
