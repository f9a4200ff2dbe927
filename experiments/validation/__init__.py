"""Published results, worked out anew through the product: the figures, how they are computed, how they are shown."""
