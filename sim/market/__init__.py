"""The clock and the agents around the customers."""
