"""Answers compared: evaluations, blind pairs, verdicts."""
