"""The light records by which the attacks, checks, generators and training backends here introduce themselves."""
