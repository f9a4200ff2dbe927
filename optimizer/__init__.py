"""Where the money should go: what is asked (`problem`), what is answered (`plan`), and the methods between."""
