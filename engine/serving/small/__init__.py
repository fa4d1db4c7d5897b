"""Our own servers, for models that a CPU can carry."""
