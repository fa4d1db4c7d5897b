"""What helps a person write: the style guide, suggestions, drafts by a model, contradictions."""
