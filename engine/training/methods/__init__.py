"""The ways to learn, each a module with `run(folder, spec)`."""
