"""Messages of five kinds: some to learn from, others to be tried on, and a vocabulary that was made from neither."""

import argparse
import ast
import calendar
import csv
import difflib
import fractions
import inspect
import optparse
import pathlib
import pydoc
import re
import shlex
import shutil
import statistics
import tarfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics
from types import ModuleType

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as Bytes
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

FOLDER = Path(__file__).parents[1] / "data" / "texts"
PROSE = ("english", "german", "chinese", "emoji")
TO_LEARN, TO_READ, TO_TRY = slice(0, 8), slice(8, 12), slice(12, 20)
CODE_TO_LEARN = (shlex, textwrap, csv)
CODE_TO_READ = (argparse, ast, difflib, inspect, optparse, pathlib, pydoc, statistics, tarfile)
CODE_TO_TRY = (calendar, fractions, shutil)
VOCABULARY = 16_000

Texts = dict[str, list[str]]


def to_learn() -> Texts:
    """Eight messages of each kind."""
    return {**_prose(TO_LEARN), "code": _functions(CODE_TO_LEARN)}


def to_try() -> Texts:
    """Eight others of each kind, from other sources."""
    return {**_prose(TO_TRY), "code": _functions(CODE_TO_TRY)}


def train(path: Path) -> Tokenizer:
    """A byte-level BPE vocabulary, as GPT and Llama 3 have one but smaller, written to `path` as a `tokenizer.json`."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = Bytes()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=ByteLevel.alphabet(), min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(_library(), trainer)
    tokenizer.save(str(path))
    return tokenizer


def _library() -> Iterator[str]:
    """English and code as Python brings them, a little of the rest, and the commonest Chinese characters."""
    yield from topics.values()
    yield from map(inspect.getsource, CODE_TO_READ)
    for texts in _prose(TO_READ).values():
        yield from texts * 3
    rows = (bytes((high, low)) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFA))
    yield from [character for row in rows for character in row.decode("gb2312")] * 2


def _prose(part: slice) -> Texts:
    return {kind: _messages(kind)[part] for kind in PROSE}


def _messages(kind: str) -> list[str]:
    return (FOLDER / f"{kind}.txt").read_text(encoding="utf-8").strip().split("\n\n")


def _functions(modules: tuple[ModuleType, ...]) -> list[str]:
    """Eight functions and classes of a few hundred characters."""
    sources = "\n".join(map(inspect.getsource, modules))
    pieces = re.split(r"\n(?=(?:    )?(?:def |class |@))", sources)
    return [piece.strip("\n") for piece in pieces if 200 < len(piece) < 1200][:8]
