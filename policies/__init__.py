"""What decides spend from what can be observed: rules of thumb, and plans played period by period."""
