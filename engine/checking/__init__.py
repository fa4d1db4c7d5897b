"""A whole file judged, counted in tokens, and mended where that can be done without guessing."""
