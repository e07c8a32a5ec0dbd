"""Accounts over any database: `DatabaseAccounts` and what each of its verbs does within one transaction."""
