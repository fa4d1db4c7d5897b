"""Whoever asks a model, wherever it answers."""
