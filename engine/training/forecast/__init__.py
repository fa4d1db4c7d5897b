"""Before a run starts: whether it can work, and what it will take."""
