"""Scores that a judge gives to answers with passages, and what can be said of their citations without one."""
