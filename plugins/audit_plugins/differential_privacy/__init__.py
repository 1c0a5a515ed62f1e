"""What every differentially private training here rests on: noise without a seed, and a meter of what was spent."""
