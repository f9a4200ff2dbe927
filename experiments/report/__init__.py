"""The page that answers a study."""
