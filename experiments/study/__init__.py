"""From data to a scenario, and one question of many worlds.

Calibration, the commented scenario, the demo and examples; and studies, from most fundamental to most complex:
``units`` (work that travels), ``worlds`` and ``ask`` (the file), ``store`` and ``workers``, ``answers`` and ``doubts``
(what units say together), ``run``, ``result``, ``conduct``.
"""
