"""What we predict: one YAML file a question."""
