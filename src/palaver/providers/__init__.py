"""Models: one module per wire protocol, and the search for servers that speak one."""
