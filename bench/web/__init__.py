"""What asks a server and what stands beside it, each a process of its own."""
