"""Studies: calibrate, simulate, compare, track, report; and the command line over all of it."""
