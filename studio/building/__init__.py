"""What can be asked: models, the runs that make them, what they may read, and candidates."""
