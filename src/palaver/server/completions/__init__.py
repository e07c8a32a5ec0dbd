"""The OpenAI-compatible door: other programs talk to the configured models through Palaver, and what they say is kept."""
