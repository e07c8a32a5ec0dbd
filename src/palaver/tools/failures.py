"""What went wrong with a server, in words that follow its name: "files" *has ended (exit code 3)*."""


class Failed(Exception):
    """A server, or a call of one of its tools. The text follows the server's name."""
