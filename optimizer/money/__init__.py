"""Money as planners have it: tables of segment x stretch of time x lever, from and to files, and played by a twin."""
