"""The light records by which the attacks, checks and generators here introduce themselves."""
