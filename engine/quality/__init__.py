"""The health of a dataset: what is said twice, what contradicts, what is missing."""
