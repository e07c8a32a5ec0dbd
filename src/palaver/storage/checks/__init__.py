"""What `verify` looks at, row by row, on any database. Pages and the text index are each database's own."""
