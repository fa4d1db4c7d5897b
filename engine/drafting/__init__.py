"""A model drafts examples; what should not reach a person is held back."""
