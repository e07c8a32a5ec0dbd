"""Full-text search over any database: what a query means, what matches it, how hits are ranked and shown."""
