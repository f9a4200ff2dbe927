"""The command line: parsing and words, nothing else."""
