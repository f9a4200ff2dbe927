"""From a firm's data to customers: the base of purchases, what is inferred from it, segments, and the population.

``base`` keeps purchases (``purchase_files`` reads them), ``calibration`` fits the laws of ``purchase_models``,
``segmentation`` groups customers, ``population`` makes the simulated individuals.
"""
