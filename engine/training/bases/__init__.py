"""What a base model is made of, and what of its folder may be loaded."""
