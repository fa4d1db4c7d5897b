"""What retrieval reads: documents become chunks, and a question finds them."""
