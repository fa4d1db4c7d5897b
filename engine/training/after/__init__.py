"""What can be ordered of a model once it is made."""
