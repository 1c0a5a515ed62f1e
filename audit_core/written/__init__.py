"""What people write: strict YAML, numbers as people put them, and the models of a recipe and a policy."""
