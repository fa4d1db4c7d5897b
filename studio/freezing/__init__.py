"""Who learns and who tests, frozen for ever; what leaves the house, and how."""
