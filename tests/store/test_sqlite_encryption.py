"""Encryption by key: nothing readable in any file, nothing touched by a wrong key."""

from pathlib import Path

import pytest

import palaver
from palaver import Busy, Invalid, PalaverError, Store
from palaver.storage import decrypt, encrypt, is_encrypted
from tests.support.factories import a_conversation, texts
from tests.support.files import fingerprints, holders

KEY = "correct horse battery staple"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "palaver.db"


def open_at(path: Path, key: str | bytes | None = KEY) -> Store:
    return palaver.open_store(str(path), key=key)


def secret_talk(store: Store) -> str:
    session = a_conversation(store, "qzxvmarker is planted", title="wjkqmarker")
    file = store.put_file(b"hhyxmarker" * 1000, name="bed.txt")
    store.append(session.id, palaver.user("look", parts=(file,)))
    assert store.search("qzxvmarker").items
    return session.id


def test_nothing_readable_is_in_any_file(path: Path) -> None:
    with open_at(path) as store:
        secret_talk(store)
        for word in ("qzxvmarker", "wjkqmarker", "hhyxmarker", "SQLite format", "CREATE TABLE"):
            assert holders(path.parent, word) == []
    for word in ("qzxvmarker", "wjkqmarker", "hhyxmarker", "SQLite format"):
        assert holders(path.parent, word) == []


def test_the_right_key_opens_it_again(path: Path) -> None:
    with open_at(path) as store:
        session = secret_talk(store)
    with open_at(path) as store:
        assert texts(store, session)[0] == "qzxvmarker is planted"
        assert store.search("qzxvmarker").items
        assert store.verify().problems == []


@pytest.mark.parametrize("key", ["wrong", KEY + " ", KEY.upper(), b"wrong bytes", b"\0" * 32, None])
def test_a_wrong_key_is_a_clear_error_and_touches_nothing(path: Path, key: str | bytes | None) -> None:
    with open_at(path) as store:
        secret_talk(store)
    before = fingerprints(path.parent)
    with pytest.raises(PalaverError, match=r"key|passphrase|encrypted"):
        open_at(path, key)
    assert fingerprints(path.parent) == before


def test_a_key_for_a_plain_database_is_a_clear_error_and_touches_nothing(path: Path) -> None:
    with open_at(path, None) as store:
        secret_talk(store)
    before = fingerprints(path.parent)
    with pytest.raises(PalaverError, match=r"key|passphrase|encrypted"):
        open_at(path)
    assert fingerprints(path.parent) == before


def test_the_key_is_in_no_message_of_an_error(path: Path) -> None:
    with open_at(path):
        pass
    with pytest.raises(PalaverError) as caught:
        open_at(path, "my wrong secret")
    assert "my wrong secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", b""], ids=["text", "bytes"])
def test_an_empty_key_is_invalid(path: Path, key: str | bytes) -> None:
    with pytest.raises(Invalid):
        open_at(path, key)
    assert not path.exists()


@pytest.mark.parametrize("key", ["ключ 鍵 🔑", 'it\'s "quoted"; --', "x" * 10_000, b"\x00\xff" * 16, "a\0b"])
def test_any_key_opens_what_it_made(path: Path, key: str | bytes) -> None:
    with open_at(path, key) as store:
        session = secret_talk(store)
    with open_at(path, key) as store:
        assert texts(store, session)
    with pytest.raises(PalaverError):
        open_at(path, "other")


def test_a_mirror_and_a_key_do_not_go_together(path: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        palaver.open_store(str(path), key=KEY, mirror=f"ollm:{tmp_path / 'plain'}")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_encrypted_too(path: Path, tmp_path: Path) -> None:
    with open_at(path) as store:
        session = secret_talk(store)
        copy = store.backup(tmp_path / "copy.db")
    assert holders(tmp_path, "qzxvmarker") == []
    with open_at(copy) as store:
        assert texts(store, session)
    with pytest.raises(PalaverError):
        open_at(copy, None)


def test_a_plain_database_is_encrypted_and_decrypted_again(path: Path) -> None:
    with open_at(path, None) as store:
        session = secret_talk(store)
        before = list(store.tree(session))
    encrypt(path, KEY)
    assert is_encrypted(path)
    assert holders(path.parent, "qzxvmarker") == []
    with open_at(path) as store:
        assert list(store.tree(session)) == before
        assert store.verify().problems == []
    decrypt(path, KEY)
    assert not is_encrypted(path)
    with open_at(path, None) as store:
        assert list(store.tree(session)) == before
        assert store.search("qzxvmarker").items


def test_a_wrong_key_decrypts_nothing_and_touches_nothing(path: Path) -> None:
    with open_at(path) as store:
        secret_talk(store)
    before = fingerprints(path.parent)
    with pytest.raises(PalaverError):
        decrypt(path, "wrong")
    assert fingerprints(path.parent) == before


def test_what_somebody_has_open_is_not_converted(path: Path) -> None:
    with open_at(path, None) as store:
        session = secret_talk(store)
        with pytest.raises(Busy):
            encrypt(path, KEY)
        assert texts(store, session)
    assert not is_encrypted(path)


def test_converting_what_is_so_already_is_refused(path: Path) -> None:
    with open_at(path):
        pass
    with pytest.raises(PalaverError):
        encrypt(path, "another")
    with open_at(path):
        pass
