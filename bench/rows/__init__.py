"""The rows of the table, one module for a few that belong together. Each has a `run` that yields lines."""
