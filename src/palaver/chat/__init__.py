"""A conversation as it happens: turns, their events, one client's current session, the slash commands."""
