"""What each verb does within one transaction, on any database: one module per noun."""
