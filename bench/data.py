# ruff: noqa: SIM905  (a hundred words in quotes of their own are hard to read)
"""What is stored in a benchmark: text like English and some Chinese, made by a seed, always the same.

Standard library only: the workers of the peers import it in an environment of their own.
"""

import random
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

LENGTH = 500
"""Characters of every message."""

_VOCABULARY = 40_000
_CHINESE_EVERY = 50
_COMMON_EVERY = 10
_PHRASE_EVERY = 1_000
_RARE = 10  # times in any archive
_COMMON_WORDS = (
    "the of and to a in is it you that he was for on are with as his they be at one have this from or had by hot but "
    "some what there we can out other were all your when up use word how said an each she which do their time if will "
    "way about many then them would write like so these her long make thing see him two has look more day could go"
).split()
_ONSETS = (
    "b br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st str t th tr v w".split()
)
_VOWELS = "a e i o u ai ea ee ie oa ou".split()
_CODAS = ["", "", "", "n", "r", "l", "s", "t", "m", "ck", "nd", "st", "ng"]
_ENDINGS = ["", "", "", "", "ing", "ed", "er", "tion", "ly", "s"]
_IDEOGRAPHS = 3_000
_FIRST_IDEOGRAPH = 0x4E00

COMMON, RARE = "harbourside", "quixotrope"
_PHRASE = "silverfish lanternfold"
_CHINESE = "数据库对话"
_PARAGRAPH = 90
_CODE = (
    "\n\n```python\n", "def ", "median", "(values", ": list", "[float", "]) ", "-> float", ":\n", "    ordered",
    " = sorted", "(values", ")\n", "    return", " ordered", "[len", "(ordered", ") // ", "2]\n", "```\n\n",
)  # fmt: skip
_TABLE = (
    "\n\n| harbour ", "| depth ", "|\n", "|---", "|---", "|\n", "| north ", "| 12.5 ", "|\n", "| south ", "| 9.1 ", "|\n\n",
)  # fmt: skip
_LIST = ("\n\n- first ", "the **boat**", "\n- then ", "the `oars`", "\n- at last ", "a little $x^2$", "\n\n")


@cache
def words() -> tuple[str, ...]:
    """The vocabulary, the most frequent first."""
    made = dict.fromkeys(_COMMON_WORDS)
    dice = random.Random(7)
    while len(made) < _VOCABULARY:
        syllables = 1 + (len(made) > 300) + (dice.random() < 0.4)
        stem = "".join(
            dice.choice(_ONSETS) + dice.choice(_VOWELS) + dice.choice(_CODAS) for _ in range(syllables)
        )
        made.setdefault(stem + dice.choice(_ENDINGS))
    return tuple(made)


@cache
def _weights(count: int) -> tuple[float, ...]:
    """Zipf's: the word of rank r comes up as often as 1 / (r + 2.7)."""
    return tuple(accumulate(1 / (rank + 2.7) for rank in range(count)))


def texts(count: int, seed: int = 0) -> Iterator[str]:
    """Messages of exactly `LENGTH` ASCII characters."""
    dice = random.Random(seed)
    vocabulary, weights = words(), _weights(_VOCABULARY)
    for _ in range(count):
        yield _prose(dice.choices(vocabulary, cum_weights=weights, k=LENGTH // 4))


def archive(count: int, seed: int = 0) -> Iterator[str]:
    """Messages to search in: what `searches` asks for is in some of them, and every 50th is Chinese."""
    dice = random.Random(seed)
    signs = [chr(_FIRST_IDEOGRAPH + number) for number in range(_IDEOGRAPHS)]
    for number, text in enumerate(texts(count, seed + 1)):
        if number % _CHINESE_EVERY == 7:
            yield _chinese(dice.choices(signs, cum_weights=_weights(_IDEOGRAPHS), k=LENGTH - 40), number)
        else:
            yield _planted(text, number, count // _RARE + 1)


def token(number: int) -> str:
    """A piece of an endless answer in Markdown: paragraphs, and after each of them code, a table or a list in turn."""
    kinds = (_CODE, _TABLE, _LIST)
    at = number % sum(_PARAGRAPH + len(kind) for kind in kinds)
    for kind in kinds:
        if at < _PARAGRAPH:
            return words()[(number * 7919) % 3_000] + (". " if at % 12 == 11 else " ")
        at -= _PARAGRAPH
        if at < len(kind):
            return kind[at]
        at -= len(kind)
    raise AssertionError(number)


def searches() -> dict[str, str]:
    """Queries for an archive, by what kind they are."""
    vocabulary = words()
    return {
        "rare word": RARE,
        "three words": f"{vocabulary[120]} {vocabulary[180]} {vocabulary[260]}",
        "phrase": f'"{_PHRASE}"',
        "prefix": vocabulary[2_000][:4],
        "Chinese": _CHINESE,
        "word in every tenth message": COMMON,
    }


def _prose(drawn: list[str]) -> str:
    sentences, size = [], 0
    while size < LENGTH:
        sentence = " ".join(drawn[:12]).capitalize() + ". "
        del drawn[:12]
        sentences.append(sentence)
        size += len(sentence)
    text = "".join(sentences)
    # A word cut in half would be a new one: the text ends where one does.
    return text[: text.rindex(" ", 0, LENGTH)].ljust(LENGTH, ".")


def _planted(text: str, number: int, rare_every: int) -> str:
    first = [
        word
        for word, every in ((COMMON, _COMMON_EVERY), (_PHRASE, _PHRASE_EVERY), (RARE, rare_every))
        if number % every == 0
    ]
    if not first:
        return text
    text = " ".join(first) + " " + text
    return text[: text.rindex(" ", 0, LENGTH)].ljust(LENGTH, ".")


def _chinese(signs: list[str], number: int) -> str:
    lines = ["".join(signs[at : at + 18]) for at in range(0, len(signs), 18)]
    if number % (_CHINESE_EVERY * 4) == 7:
        lines.insert(2, _CHINESE)
    return ("，".join(lines)).ljust(LENGTH, "。")[:LENGTH]
