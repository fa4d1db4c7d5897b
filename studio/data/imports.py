"""Imports: where the rows of a file come from. The reading itself is the engine's (`engine.data.rows`)."""

from engine.data.rows import Reject, Valid, read, read_line

__all__ = ["Reject", "Valid", "read", "read_line"]
