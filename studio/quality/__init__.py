"""How healthy a dataset is, and how much it says about people."""
