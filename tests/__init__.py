"""What Palaver promises, held by tests. The folders mirror the package."""
