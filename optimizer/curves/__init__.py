"""A budget over response curves from elsewhere, to a certified gap."""
