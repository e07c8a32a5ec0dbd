"""Palaver over HTTP: REST, the page, and the door for programs that speak OpenAI's protocol. `create_app` makes it."""
