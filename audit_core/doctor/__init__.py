"""Examines a loop that trains a language model with differential privacy, before it sees anybody's records."""
