"""What a firm's questions are answered with: the answers of the rooms below, which show themselves and draw figures."""
