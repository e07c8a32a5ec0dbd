"""Killed, full, torn: what must survive, with a number that says how often it was tried."""
