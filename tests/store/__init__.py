"""One suite for every database, through `Store` and `AsyncStore`."""
