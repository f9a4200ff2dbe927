"""From a start to a plan: playable columns, the sequential search, campaigns settled to their sizes."""
