"""What of a text its number of tokens depends on, counted without a vocabulary in ten microseconds per 500 characters."""

FEATURES = (
    "words",  # runs of letters: most are one token, with the space before them
    "long",  # full eights of letters in them
    "foreign",  # letters that are rare in English, on which vocabularies are mostly trained
    "capitals",
    "digits",
    "pairs",  # of digits, a single one counting as a pair
    "marks",  # punctuation and operators of ASCII
    "runs",  # of marks
    "spaced",  # marks with a space before them
    "indents",  # pairs of spaces
    "lines",
    "accents",  # letters beyond ASCII in alphabets like the English one
    "alphabets",  # Greek, Cyrillic, Hebrew, Arabic: two bytes a character
    "syllables",  # Indic scripts, Thai, Georgian: three bytes a character
    "kana",  # with the punctuation of Chinese and Japanese
    "ideographs",  # with the syllables of Korean
    "typography",  # dashes, quotes, arrows, full-width forms
    "emoji",  # and whatever else takes four bytes
)

Features = tuple[int, ...]
"""A count for each of `FEATURES`."""

_FOREIGN = ("ei", "ie", "ch", "en ", "z", "k")
_BEYOND_ASCII = len(FEATURES) - FEATURES.index("accents")

# In UTF-8 the first byte of a character tells its kind: where each kind begins.
_KINDS = {
    "typography": 0x80,
    "accents": 0xC3,
    "alphabets": 0xC6,
    "syllables": 0xE0,
    "kana": 0xE3,
    "ideographs": 0xE4,
    "emoji": 0xF0,
}
_MORE_TYPOGRAPHY = (0xE2, 0xEF)
_SIGNS = dict(zip(_KINDS, "tegsjiE", strict=True))
_CONTINUATIONS = bytes(range(0x80, 0xC0))


def _sign(byte: int) -> str:
    """The kind of the character that begins with this byte, as one letter."""
    if byte < 0x80:
        return _sign_of_ascii(chr(byte))
    if byte in _MORE_TYPOGRAPHY:
        return _SIGNS["typography"]
    return _SIGNS[max((kind for kind, begin in _KINDS.items() if begin <= byte), key=_KINDS.__getitem__)]


def _sign_of_ascii(character: str) -> str:
    if character.isalpha():
        return "A" if character.isupper() else "a"
    if character.isdigit():
        return "0"
    if character == "\n":
        return "\n"
    return " " if character.isspace() else "."


def _only(signs: str) -> bytes:
    """A table that tells these kinds, as the first of them, from all others."""
    return "".join(signs[0] if _sign(byte) in signs else " " for byte in range(256)).encode()


_ALL = "".join(map(_sign, range(256))).encode()
_LETTERS = _only("aAeg")
_MARKS = _only(".")


def measure(text: str) -> Features:
    """Any text has features; those of two texts joined are about the sum of both."""
    # Bytes are counted many times faster than characters, and each character's first byte is enough.
    encoded = text.encode("utf-8", "surrogatepass")
    all = (b" " + encoded.translate(_ALL, _CONTINUATIONS)).count
    letters = (b" " + encoded.translate(_LETTERS, _CONTINUATIONS)).count
    foreign = text.count
    digits = all(b"0")
    return (
        letters(b" a"),
        letters(b"aaaaaaaa"),
        sum(map(foreign, _FOREIGN)),
        all(b"A"),
        digits,
        digits - all(b"00"),
        all(b"."),
        (b" " + encoded.translate(_MARKS, _CONTINUATIONS)).count(b" ."),
        all(b" ."),
        all(b"  "),
        all(b"\n"),
        *(_NONE if text.isascii() else map(all, _OTHERS)),
    )


_OTHERS = tuple(_SIGNS[kind].encode() for kind in FEATURES[-_BEYOND_ASCII:])
_NONE = (0,) * _BEYOND_ASCII
