"""Any byte of the file is another one: that is said, or nothing is harmed; and the file is left as it is."""

import io
import logging
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

import palaver
from palaver import PalaverError, Store
from palaver.formats import take_out
from palaver.storage import encrypt
from tests.faults.tries import Tries, at_most
from tests.support.sound import fill

KEY = bytes(range(32))


class Sound(NamedTuple):
    """A closed database with something of everything, and what can be read from it."""

    key: bytes | None
    content: bytes
    read: bytes


@pytest.fixture(scope="module", params=[None, KEY], ids=["plain", "encrypted"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    path = tmp_path_factory.mktemp("sound") / "palaver.db"
    fill(path)
    if request.param:
        encrypt(path, request.param)
    content = path.read_bytes()
    with palaver.open_store(path, key=request.param) as store:
        return Sound(request.param, content, everything(store))


def everything(store: Store) -> bytes:
    out = io.BytesIO()
    take_out(store, out)
    found = [
        hit.message_id or hit.session_id for word in ("message", "here") for hit in store.search(word).items
    ]
    return out.getvalue().partition(b"\n")[2] + repr(found).encode()


@at_most(800, 1_000_000)
def test_a_flipped_byte_is_noticed_or_harmless(
    sound: Sound, tmp_path: Path, chance: random.Random, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    seen: Counter[str] = Counter()
    for at in tries.among(range(len(sound.content)), chance):
        spoilt = bytearray(sound.content)
        spoilt[at] ^= chance.choice((0x01, 0x80, 0xFF, chance.randrange(1, 256)))
        folder = tmp_path / "spoilt"
        folder.mkdir()
        path = folder / "palaver.db"
        path.write_bytes(spoilt)
        seen[look(path, sound)] += 1
        assert path.read_bytes() == spoilt, f"byte {at} was flipped, and then others were written"
        shutil.rmtree(folder)
    kind = "an encrypted" if sound.key else "a plain"
    outcome = ", ".join(f"{count} {what}" for what, count in seen.most_common())
    tries.say(f"{tries.done} of {len(sound.content)} bytes of {kind} database flipped: {outcome}")


def look(path: Path, sound: Sound) -> str:
    try:
        with palaver.open_store(path, key=sound.key) as store:
            problems = store.verify().problems
            try:
                read = everything(store)
            except PalaverError:
                assert problems
                return "cannot be read whole"
            if problems:
                return "found by verify"
            assert read == sound.read
            return "harmless"
    except PalaverError:
        return "refused"
