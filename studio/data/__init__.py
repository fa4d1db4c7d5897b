"""Datasets and their examples: brought in, found, edited, brought back."""
