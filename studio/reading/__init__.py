"""What retrieval reads, as people keep it: what comes into a library, how it is searched, how well that works."""
