"""Files as a model is sent them: images whole, text files as text, of any other file its name."""

import msgspec


class Image(msgspec.Struct, frozen=True):
    """An image in a prompt. `data` is the file's content, `tokens` what it takes of the window."""

    name: str
    mime: str
    data: bytes
    tokens: int
