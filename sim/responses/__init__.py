"""From a firm's evidence, managers' answers and experiments, to response curves with what is not known of them."""
