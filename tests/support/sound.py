"""A database with something of everything in it."""

from pathlib import Path

import palaver
from palaver import Store, ToolCall, Usage
from tests.support.factories import a_conversation, an_answer
from tests.support.files import damage
from tests.support.people import PASSWORD, a_person, accounts_of


def share(store: Store, project_id: str) -> None:
    """Accounts, and all that they have."""
    accounts = accounts_of(store)
    bob = a_person(store, accounts, "Bob", password=PASSWORD)
    accounts.put_member(project_id, bob.id, "viewer")
    accounts.create_invitation(email="cid@example.org")
    accounts.sign_in("bob@example.org", PASSWORD, address="192.0.2.7", user_agent="Firefox")
    accounts.sign_in_external("https://id.example.org", "1", email="bob@example.org", email_verified=True)
    bob.accounts.create_token("ci")


def fill(path: Path) -> None:
    """A database with something of everything in it."""
    with palaver.open_store(str(path)) as store:
        fill_store(store)
    damage(path, "UPDATE store SET one = 1")  # the WAL goes into the file


def fill_store(store: Store) -> None:
    """Something of everything."""
    project = store.create_project("Garden", description="Beds")
    session = a_conversation(store, *[f"message {n}" for n in range(6)], project_id=project.id, model="m")
    one, two, three, *_ = store.messages(session.id)
    store.append(session.id, an_answer("side", model="n"), parent_id=one.id)
    file = store.put_file(b"marigold" * 1_000, name="bed.txt")
    store.append(
        session.id,
        palaver.assistant(
            "here",
            parts=(file, ToolCall("1", "f", {"a": 1})),
            usage=Usage(output_tokens=3),
            metadata={"a": 1},
            error="cut",
            status="interrupted",
        ),
    )
    store.trash_message(three.id)
    store.set_in_context(two.id, False)
    store.update_session(session.id, tags=["x", "y"], settings={"temperature": 1}, metadata={"b": 2})
    first = store.add_checkpoint(session.id, from_id=one.id, through_id=two.id, summary="They agreed.")
    store.add_checkpoint(
        session.id,
        from_id=one.id,
        through_id=two.id,
        summary="Agreed.",
        replaces=[first.id],
        kind="merged",
    )
    store.take_snapshot(session.id, name="before")
    a_conversation(store, "the other talk", "an answer", title="Other")
    store.put_preference("colour", {"dark": True})
    gone = a_conversation(store, "purged")
    store.purge_message(str(gone.head_id))
    share(store, project.id)
    assert store.search("message").items
    assert store.verify().problems == []
