"""The power fails while files are written beside the database: mirrors, exports and backups are whole or not there."""

import itertools
import json
import logging
import random
import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

import palaver
from palaver import Store
from palaver.formats import take_out
from palaver.storage import decrypt, encrypt
from tests.faults.cutting import cuts, record
from tests.faults.disk import KINDS, Told
from tests.faults.taps import Recorder
from tests.faults.tries import Tries, at_most
from tests.support.factories import say

KEY = bytes(range(32))
DATABASE = "data/palaver.db"


class Mirrored(NamedTuple):
    """The message is in its session's file."""

    session_id: str
    text: str


class Leaving(NamedTuple):
    """From here on the file may be there or not."""

    session_id: str


class Removed(NamedTuple):
    session_id: str


class Exported(NamedTuple):
    path: str
    content: bytes


class BackedUp(NamedTuple):
    path: str
    texts: tuple[str, ...]


def said(count: int) -> list[str]:
    return [f"{n} " * 200 for n in range(count)]


# Mirrors


def keep_mirror(root: Path, recorder: Recorder) -> None:
    for _ in range(2):
        with palaver.open_store(root / DATABASE, mirror=f"ollm:{root / 'plain/mirror'}") as store:
            ids = [store.create_session().id for _ in range(2)]
            for at, text in enumerate(said(8)):
                say(store, ids[at % 2], text)
                recorder.say(Mirrored(ids[at % 2], text))
            recorder.say(Leaving(ids[0]))
            store.trash_session(ids[0])
            recorder.say(Removed(ids[0]))


@at_most(120, 2_000)
def test_a_mirrored_file_survives_a_power_cut(
    tmp_path: Path, chance: random.Random, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "palaver.storage.mirror")
    recording = record(tmp_path / "disk", keep_mirror)
    for found in cuts(recording, tmp_path / "disk", chance, tries):
        check_mirror(found.root, found.told)
        assert caplog.records == []
    tries.say(f"{tries.done} power cuts of a mirror, each with what was not synced {', '.join(KINDS)}")


def check_mirror(root: Path, told: list[object]) -> None:
    leaving = {item.session_id for item in told if isinstance(item, Leaving)}
    removed = {item.session_id for item in told if isinstance(item, Removed)}
    folder = root / "plain/mirror"
    for session_id, items in itertools.groupby(
        sorted(item for item in told if isinstance(item, Mirrored)), key_of
    ):
        if session_id not in leaving:
            assert {item.text for item in items} <= set(mirrored(folder / f"{session_id}.json"))
    assert removed.isdisjoint(path.stem for path in folder.glob("*.json") if mirrored(path))
    with palaver.open_store(root / DATABASE, mirror=f"ollm:{folder}") as store:
        shown = [session.id for session in store.list_sessions(limit=200).items]
        assert {path.stem for path in folder.glob("*.json")} >= set(shown)
        for session_id in shown:
            texts = [message.text for message in store.messages(session_id)]
            assert mirrored(folder / f"{session_id}.json") == texts
        assert removed.isdisjoint(path.stem for path in folder.glob("*.json"))


def key_of(item: Mirrored) -> str:
    return item.session_id


def mirrored(path: Path) -> list[str]:
    """The texts in a file, which is whole."""
    loaded = json.loads(path.read_bytes())
    return [message["parts"][0]["text"] for message in loaded["messages"]]


def keep_one_file(root: Path, recorder: Recorder) -> None:
    with palaver.open_store(root / DATABASE, mirror=f"enteract:{root / 'plain/all.json'}") as store:
        for text in said(4):
            session = store.create_session()
            say(store, session.id, text)
            # Trashing writes the file at once.
            store.trash_session(store.create_session().id)
            recorder.say(Mirrored(session.id, text))


@at_most(60, 2_000)
def test_the_one_file_of_all_sessions_survives_a_power_cut(
    tmp_path: Path, chance: random.Random, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(tmp_path / "disk", keep_one_file)
    for found in cuts(recording, tmp_path / "disk", chance, tries):
        check_one_file(found.root, found.told)
        assert caplog.records == []
    tries.say(
        f"{tries.done} power cuts of a mirror in one file, each with what was not synced {', '.join(KINDS)}"
    )


def check_one_file(root: Path, told: list[object]) -> None:
    path = root / "plain/all.json"
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    assert content == "" or isinstance(json.loads(content), list)
    assert all(item.text in content for item in told if isinstance(item, Mirrored))
    with palaver.open_store(root / DATABASE, mirror=f"enteract:{path}") as store:
        texts = [hit.text for session in store.list_sessions().items for hit in store.messages(session.id)]
    content = path.read_text(encoding="utf-8")
    assert all(text in content for text in texts)


# Exports and backups


def copy_out(root: Path, recorder: Recorder) -> None:
    (root / "out").mkdir()
    with palaver.open_store(root / DATABASE) as store:
        session = store.create_session()
        for at, text in enumerate(said(5)):
            say(store, session.id, text)
            export(store, recorder, root / "all.jsonl", "palaver")
            export(store, recorder, root / "talk.md", "markdown")
            made = store.backup(keep=2)
            recorder.say(BackedUp(str(made.relative_to(root)), tuple(said(at + 1))))
        take_out(store, root / "out", format="markdown")
        made = root / "out" / f"{session.id}.md"
        recorder.say(Exported(str(made.relative_to(root)), made.read_bytes()))


def export(store: Store, recorder: Recorder, path: Path, format: str) -> None:
    take_out(store, path, format=format)
    recorder.say(Exported(path.name, path.read_bytes()))


@at_most(120, 2_000)
def test_an_export_or_a_backup_that_is_done_survives_a_power_cut(
    tmp_path: Path, chance: random.Random, tries: Tries
) -> None:
    recording = record(tmp_path / "disk", copy_out)
    contents = [event.what for event in recording.events if isinstance(event, Told)]
    whole = {(item.path, item.content) for item in contents if isinstance(item, Exported)}
    texts = {item.path: item.texts for item in contents if isinstance(item, BackedUp)}
    for found in cuts(recording, tmp_path / "restored", chance, tries):
        check_exports(found.root, found.told, whole)
        check_backups(found.root / "data/backups", found.told, texts)
    tries.say(
        f"{tries.done} power cuts of exports and backups, each with what was not synced {', '.join(KINDS)}"
    )


def check_exports(root: Path, told: list[object], whole: set[tuple[str, bytes]]) -> None:
    newest = {item.path: item.content for item in told if isinstance(item, Exported)}
    for path, content in newest.items():
        known = [each for name, each in whole if name == path]
        found = (root / path).read_bytes()
        assert found in known
        assert len(found) >= len(content)


def check_backups(folder: Path, told: list[object], texts: dict[str, tuple[str, ...]]) -> None:
    made = [Path(item.path).name for item in told if isinstance(item, BackedUp)]
    there = sorted(path.name for path in folder.glob("palaver-*.db"))
    assert set(made[-2:]) <= set(there) or set(made[-1:]) <= set(there)
    for name in there:
        copy = folder / f"copy of {name}"
        shutil.copy(folder / name, copy)
        with palaver.open_store(copy) as store:
            assert store.verify().problems == []
            stored = [
                message.text for each in store.list_sessions().items for message in store.messages(each.id)
            ]
        assert tuple(stored) == texts.get(f"data/backups/{name}", tuple(stored))


# Encrypting


def convert(root: Path, recorder: Recorder, texts: list[str]) -> None:
    path = root / DATABASE
    for change in (encrypt, decrypt):
        change(path, KEY)
        with palaver.open_store(path, key=KEY if change is encrypt else None) as store:
            session = store.list_sessions().items[0]
            texts.append(say(store, session.id, change.__name__)[0].text)
            recorder.say(texts[-1])


@at_most(100, 2_000)
def test_encrypting_leaves_the_one_or_the_other(tmp_path: Path, chance: random.Random, tries: Tries) -> None:
    root = tmp_path / "disk"
    with palaver.open_store(root / DATABASE) as store:
        say(store, store.create_session().id, *said(20))
    recording = record(root, partial(convert, texts=said(20)))
    for found in cuts(recording, tmp_path / "restored", chance, tries):
        path = found.root / DATABASE
        with palaver.open_store(path, key=KEY if palaver.storage.is_encrypted(path) else None) as store:
            assert store.verify().problems == []
            texts = [message.text for message in store.messages(store.list_sessions().items[0].id)]
        assert texts[: 20 + len(found.told)] == [*said(20), *map(str, found.told)]
    tries.say(
        f"{tries.done} power cuts of encrypting and decrypting, each with what was not synced {', '.join(KINDS)}"
    )
