"""The MLflow store: what is logged, where it is kept, how it is shown."""
