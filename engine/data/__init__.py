"""A file or pasted text becomes conversations and rejects; frozen rows become files again."""
