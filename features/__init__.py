"""What can be known about a customer: one YAML file a topic, several families of features in each."""
