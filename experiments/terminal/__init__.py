"""What the commands print, and progress on the way."""
