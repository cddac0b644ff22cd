"""What we know about a customer: one YAML file a family of features."""
