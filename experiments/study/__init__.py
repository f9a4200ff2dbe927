"""From data to a study that is kept: calibration, the commented scenario, the demo, what is written down."""
