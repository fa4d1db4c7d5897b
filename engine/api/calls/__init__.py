"""What can be called, matter by matter; each module ends in its list of CALLS."""
