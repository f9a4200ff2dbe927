"""How customers behave: draws, response curves, controlled chains, and one period for all customers."""
