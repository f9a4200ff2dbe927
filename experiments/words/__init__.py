"""Facts said once, in words that terminal, page and run share."""
