"""What an answer is worth, with reasons, and how sure we are."""
