"""Whose it is, said twice: each named query by itself shows nothing of anybody to somebody else, and changes nothing.

Every query runs once for its owner, through the verbs, and is then run again by its name for somebody else.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any

import apsw
import psycopg
import pytest
from msgspec.structs import replace

import palaver
from palaver import Filter, Forbidden, Text
from palaver.ids import new_id
from palaver.model import Origin, SideEvent
from palaver.storage import queries
from palaver.storage.accounts.accounts import DatabaseAccounts
from palaver.storage.requests import Done, Requests
from palaver.storage.search import following
from palaver.storage.wall import Rule, Trespass, rule_of
from palaver.store import SessionEnd
from palaver.wire import encode
from tests.support.factories import a_conversation, a_question, an_answer
from tests.support.people import PASSWORD, a_person, accounts_of, cheap_passwords
from tests.support.postgres import Databases
from tests.support.recorded import recorded

DIALECTS = ("sqlite", "postgres")

EVERYBODY = {
    # Whether a new id is free: ids are unique in the whole database and tell nothing of what they are of.
    "message_exists", "project_exists", "session_exists",
    # The same of many at once: of ids that an import brings, which are taken.
    "list_stored_ids",
    # Whether an address or an id has an account: who changes their address or invites somebody is told that much.
    "account_exists", "email_is_taken", "find_addressee",
    # How many commits there are, and how much room they take.
    "last_change", "index_size", "sizes",
    # How often a word is used, whoever used it: a search plans with it, and shows none of it.
    "block_list", "index_has_beginning", "index_terms_open", "index_watermark",
    "word_count", "word_count_beginning", "word_most_frequent",
    # Transactions begin and end alike for everybody.
    "begin", "commit", "rollback", "savepoint", "savepoint_release", "savepoint_undo",
    "search_begin", "search_end", "search_settle",
}  # fmt: skip

ALWAYS_ONES_OWN = {
    # What they write belongs to `:actor` by the statement itself.
    "insert_project", "insert_token", "put_preference", "put_request", "hold_file",
}  # fmt: skip

RUN_BY_MARK = {"insert_change"}

Call = tuple[str, str, Any]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_query_says_whose_rows_it_is_about(dialect: str) -> None:
    rules = queries.rules(dialect)
    told = {name for name, rule in rules.items() if rule.check is None}
    assert told <= EVERYBODY
    assert all(
        rule.actor or rule.keys or rule.check is not None or name in told for name, rule in rules.items()
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT m.body FROM message m",
        "SELECT m.body FROM message m WHERE m.id = :id",
        "DELETE FROM session WHERE key = :key",
        "UPDATE project SET name = :name WHERE id = :id",
    ],
)
def test_a_query_that_does_not_say_it_is_none(text: str) -> None:
    with pytest.raises(LookupError, match="new_query names no actor"):
        rule_of("new_query", text, queries.parameters(text), "")


class Home:
    """A database in which Ann owns one of everything, and every query that her verbs have run."""

    def __init__(self, store: Any) -> None:
        people = accounts_of(store)
        self.plain = store
        self.ann = a_person(store, people, "Ann", administrator=True, password=PASSWORD)
        self.bob = a_person(store, people, "Bob", password=PASSWORD)
        self.bob.accounts.create_token("theirs")
        people.sign_in("bob@example.org", PASSWORD)
        self.store, self.recording = recorded(store.as_actor(self.ann.id))
        self.accounts = DatabaseAccounts(self.recording, self.ann.id, cheap_passwords())
        dialect = "postgres" if "postgres" in store.location else "sqlite"
        self.rules, self.texts = queries.rules(dialect), queries.load(dialect)
        live(self)

    def calls(self) -> dict[str, list[Call]]:
        """What was run, by the query's name; what for `system` was run is left out."""
        found: dict[str, list[Call]] = {}
        for call in self.recording.calls:
            named = call[2] if isinstance(call[2], dict) else {}
            if named.get("actor", self.ann.id) == self.ann.id:
                found.setdefault(call[1], []).append(call)
        return found

    def everything(self) -> bytes:
        """All that Ann has."""
        store, accounts = self.plain.as_actor(self.ann.id), self.ann.accounts
        sessions = store.list_sessions(filter=Filter(state="any", empty=True), limit=200).items
        return encode(
            [
                [*store.list_projects().items, *store.list_projects(trashed=True).items, *sessions],
                [[*store.tree(session.id)] for session in sessions],
                [store.list_checkpoints(session.id, active=False) for session in sessions],
                [store.list_snapshots(session.id) for session in sessions],
                [
                    store.list_preferences(),
                    accounts.get_account(),
                    accounts.list_tokens(),
                    accounts.list_sign_ins(),
                ],
                [
                    accounts.list_invitations(),
                    [accounts.list_members(each.id) for each in store.list_projects().items],
                ],
            ]
        )

    def run(self, actor: str, call: Call, *, admit: int | None = None) -> int:
        """How many rows it finds or changes for this actor; whatever it does is taken back."""
        how, name, values = call
        counted = 0

        def work(tx: Any) -> None:
            nonlocal counted
            if admit is not None:
                self.admit(tx, name, values, admit)
            counted = _count(tx, how, name, values)
            raise Taken

        with suppress(Taken):
            if _only_reads(self.texts[name]):
                with self.plain.database.read(actor) as tx:
                    work(tx)
            else:
                self.plain.database.write(actor, work)
        return counted

    def admit(self, tx: Any, name: str, values: Any, role: int) -> None:
        for key in self.rules[name].keys:
            value = values[key.name] if isinstance(values, dict) else values[key.at]
            if value is not None:
                (tx.admit if key.sign == 1 else tx.admit_project)(abs(key.place(value)), role)

    def does_something(self, actor: str, call: Call) -> bool:
        """Whether the query does anything for its owner. One that by itself breaks a constraint has come so far."""
        try:
            return self.run(actor, call, admit=2) > 0
        except (apsw.Error, psycopg.Error, palaver.PalaverError):
            return True

    def refuses(self, call: Call, rule: Rule) -> None:
        """For a stranger it finds nothing and changes nothing, or it does not run at all."""
        how, name, values = call
        if rule.actor:
            values = {**values, "actor": "stranger", **({"told": '"stranger"'} if "told" in values else {})}
        if home_keys(rule, values):
            with pytest.raises(Trespass):
                self.run("stranger", (how, name, values))
        else:
            assert self.run("stranger", (how, name, values)) == 0, name


def home_keys(rule: Rule, values: Any) -> bool:
    """Whether any key of the query stands for something: an invitation to the server names no project."""
    return any(
        (values[key.name] if isinstance(values, dict) else values[key.at]) is not None for key in rule.keys
    )


class Taken(Exception):
    """Takes back what a transaction did."""


def _count(tx: Any, how: str, name: str, values: Any) -> int:
    if how in ("put", "insert"):
        getattr(tx, how)(name, values)
        return 1
    if how == "run":
        tx.run(name, **values)
        return _changed(tx)
    found = tx.rows(name, **values)
    return sum(any(value not in (None, 0) for value in row) for row in found)


def _only_reads(text: str) -> bool:
    return re.search(r"\b(INSERT|UPDATE|DELETE)\b", text) is None


def _changed(tx: Any) -> int:
    """Rows that the last statement changed."""
    cursor = getattr(tx, "_cursor", None)
    return int(getattr(cursor, "rowcount", -1) if hasattr(cursor, "rowcount") else tx.connection.changes())


def live(home: Home) -> None:
    """Everything Ann does; what would leave nothing behind is done and taken back."""
    project = home.store.create_project("Garden")
    session = a_conversation(
        home.store, "marigold", "rose", "tulip", project_id=project.id, model="m", provider="p"
    )
    home.accounts.put_member(project.id, home.bob.id, "viewer")
    write_and_read(home, session.id)
    branch_and_summarise(home, session.id)
    stream(home, session.id)
    organise(home, project.id, session.id)
    find(home, project.id, session.id)
    look_after(home)
    meet(home, project.id)
    destroy(home, project.id, session.id)


def write_and_read(home: Home, session_id: str) -> None:
    store = home.store
    first, second, *_ = store.messages(session_id)
    store.append(session_id, a_question("marigold", id=first.id), parent_id=None)
    file = store.put_file(b"marigold" * 10, name="bed.txt")
    store.append(session_id, an_answer("here", parts=(file,)))
    store.open_file(file.digest).read()
    loose = store.put_file(b"rose", name="loose.txt")
    with home.recording.undone():
        store.append(session_id, an_answer("there", parts=(loose,)))
    store.record_tool_call(session_id, id="c", name="f", args={}, result={"llmContent": ""})
    store.set_in_context(second.id, False)
    store.append(session_id, an_answer("side"), parent_id=first.id)
    list(store.tree(session_id))
    store.list_messages(session_id, limit=2)
    store.get_message(second.id)
    store.list_siblings(second.id)
    store.match_history([a_question("marigold")])
    store.match_history([a_question("marigold")], session_id=session_id)
    store.list_sibling_ids(session_id, [second.id])


def branch_and_summarise(home: Home, session_id: str) -> None:
    store, undone = home.store, home.recording.undone
    one, two, *_ = store.messages(session_id)
    made = [
        store.add_checkpoint(session_id, from_id=one.id, through_id=two.id, summary=text).id
        for text in ("a", "b")
    ]
    merged = store.add_checkpoint(
        session_id, from_id=one.id, through_id=two.id, summary="c", replaces=made, kind="merged"
    )
    snapshot = store.take_snapshot(session_id, name="before")
    store.get_snapshot(snapshot.id)
    store.list_snapshots(session_id)
    store.list_checkpoints(session_id)
    store.list_checkpoints(session_id, active=False)
    store.set_head(session_id, one.id, to_end=True)
    store.set_head(session_id, one.id)
    store.list_checkpoints(session_id)
    store.restore_snapshot(snapshot.id)
    store.fork_session(session_id)
    with undone():
        store.add_checkpoint(session_id, from_id=one.id, through_id=two.id, summary="d")
    with undone():
        store.revert_checkpoint(merged.id)
    with undone():
        store.delete_snapshot(snapshot.id)
    with undone():
        store.clear_session(session_id)


def stream(home: Home, session_id: str) -> None:
    store, undone = home.store, home.recording.undone
    first, *_ = store.messages(session_id)
    old = a_conversation(store, "turned")
    turn = store.begin_turn(old.id, kind="summary")
    store.end_turn(old.id, turn.number, SideEvent(number=0, id="e0", data={}))
    turn = store.begin_turn(session_id, a_question("marigold?"))
    store.extend_draft(turn.answers[-1], Text("as it"), offset=0)
    asked = SideEvent(number=0, id="e", data={}, request_id="r", choices=("yes", "no"))
    store.extend_turn(session_id, turn.number, asked)
    store.list_turns(session_id)
    with undone():
        store.extend_turn(session_id, turn.number, SideEvent(number=1, id="f", data={}))
    with undone():
        store.answer_turn(session_id, "r", "yes")
    with undone():
        store.stop_turn(session_id)
    with undone():
        store.request_stop(turn.answers[-1])
    with undone():
        store.close_draft(turn.answers[-1])
    with undone():
        store.purge_message(first.id)
    store.recover_drafts()
    longer = store.begin_turn(old.id, a_question("and then?"))
    store.close_draft(longer.answers[-1])
    store.open_draft(old.id)


def organise(home: Home, project_id: str, session_id: str) -> None:
    store, undone = home.store, home.recording.undone
    store.update_session(session_id, tags=["bed", "spring"], settings={"a": 1}, metadata={"b": 1})
    store.get_project(project_id)
    store.list_projects()
    store.roles([project_id])
    store.update_project(project_id, description="Beds")
    store.personal_project()
    store.ensure_session()
    store.find_session(session_id[:13])
    store.find_session(session_id[-8:])
    store.list_sessions(project_id=project_id)
    store.list_sessions(project_id=project_id, filter=Filter(tags=("bed", "spring")))
    store.list_sessions()
    store.list_sessions(filter=Filter(tags=("bed",)))
    store.list_last_texts([session_id])
    store.list_largest_sessions()
    archived = a_conversation(store, "marigold", "archived")
    store.update_session(archived.id, archived=True)
    with undone():
        store.keep_newest(0, project_id=project_id)
    with undone():
        store.update_session(archived.id, project_id=project_id)


def find(home: Home, project_id: str, session_id: str) -> None:
    store = home.store
    home.plain.database.write("system", lambda tx: following.index_batch(tx, 1_000))
    for query in ("marigold", "mari*", '"marigold rose"', "ari"):
        store.search(query)
        store.search(query, filter=Filter(session_id=session_id))
    for filter in (
        Filter(project_id=project_id),
        Filter(tags=("bed",)),
        Filter(state="archived"),
        Filter(state="trash"),
        Filter(branch="shown"),
    ):
        store.search("marigold", filter=filter)
    for query in (
        "project:Garden marigold",
        f"project:{project_id[-8:]} marigold",
        f"session:{session_id[-8:]} rose",
    ):
        store.search(query)
    store.changes()
    store.mark()


def look_after(home: Home) -> None:
    store, undone = home.store, home.recording.undone
    store.put_preference("colour", 1)
    store.get_preference("colour")
    store.list_preferences()
    with undone():
        store.put_preference("colour", None)
    requests = Requests(home.recording)
    requests.begin(home.ann.id, "key", b"digest")
    requests.finish(home.ann.id, "key", Done(200, {}, b""))
    requests.release(home.ann.id, "key")
    with undone():
        requests.forget(home.ann.id, "key")
    bring_in(home)


def bring_in(home: Home) -> None:
    """An import from elsewhere, twice: what is there already is known by its origin."""
    session = replace(
        a_conversation(home.store, "x"), id=new_id(), origin=Origin(source="a", id="1"), head_id=None
    )
    message = replace(
        home.store.get_message(str(home.store.list_sessions().items[0].head_id)),
        id=new_id(),
        session_id=session.id,
        origin=Origin(source="a", id="2"),
    )
    for _ in range(2):
        home.store.import_records([session, message, SessionEnd(session)])
        session, message = replace(session, id=new_id()), replace(message, id=new_id())


def meet(home: Home, project_id: str) -> None:
    """Accounts and members."""
    accounts, undone = home.accounts, home.recording.undone
    signed = accounts.sign_in("ann@example.org", PASSWORD)
    issued = accounts.create_token("ci")
    invited = accounts.create_invitation(email="cid@example.org")
    accounts.invite_member(project_id, email="dan@example.org", role="viewer")
    accounts.invite_member(project_id, email="bob@example.org", role="viewer")
    accounts.get_account()
    accounts.list_accounts()
    accounts.list_sign_ins()
    accounts.list_tokens()
    accounts.list_invitations()
    accounts.list_invitations(project_id=project_id)
    accounts.list_members(project_id)
    accounts.update_account(name="Anna", email="anna@example.org")
    with undone():
        accounts.update_account(home.bob.id, administrator=True, disabled=True)
    with pytest.raises(palaver.Conflict):
        accounts.update_account(administrator=False)
    for end, what in (
        (accounts.revoke_sign_in, signed.sign_in.id),
        (accounts.revoke_token, issued.token.id),
        (accounts.revoke_invitation, invited.invitation.id),
    ):
        with undone():
            end(what)
    with undone():
        accounts.remove_member(project_id, home.bob.id)
    with undone():
        accounts.hand_over(project_id, home.bob.id)
    theirs = home.bob.store.create_project("Bob's")
    home.bob.accounts.put_member(theirs.id, home.ann.id, "viewer")
    with undone():
        accounts.remove_member(theirs.id, home.ann.id)


def destroy(home: Home, project_id: str, session_id: str) -> None:
    store, undone = home.store, home.recording.undone
    said = a_conversation(store, "said", "more", project_id=project_id)
    one, two = store.messages(said.id)
    store.append(said.id, an_answer("a file", parts=(store.put_file(b"tulip", name="tulip.txt"),)))
    store.add_checkpoint(said.id, from_id=one.id, through_id=two.id, summary="x")
    store.take_snapshot(said.id)
    turn = store.begin_turn(said.id, kind="summary")
    store.end_turn(said.id, turn.number, SideEvent(number=0, id="e", data={}))
    with undone():
        store.purge_message(str(said.head_id))
    store.trash_message(str(said.head_id))
    gone = a_conversation(store, "gone", project_id=project_id)
    store.trash_session(gone.id)
    with undone():
        store.untrash_session(gone.id)
    with undone():
        store.purge_session(said.id)
    with undone():
        store.end_turn(session_id, store.list_turns(session_id)[0].number)
    third = store.create_project("Third")
    a_conversation(store, "kept", project_id=third.id)
    with undone():
        store.trash_project(third.id)
    other = store.create_project("Trashed")
    a_conversation(store, "with it", project_id=other.id)
    store.trash_project(other.id)
    with undone():
        store.untrash_project(other.id)
    with undone():
        store.purge_project(other.id)
    with undone():
        store.purge_trash(older_than=timedelta(0))
    store.purge_message(str(a_conversation(store, "purged").head_id))
    store.changes()
    store.stats()


@pytest.fixture(scope="module", params=DIALECTS)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_databases: Databases
) -> Iterator[Home]:
    """One for all tests of a database: none of them leaves anything behind."""
    with ExitStack() as opened:
        url = (
            opened.enter_context(postgres_databases.fresh())
            if request.param == "postgres"
            else str(tmp_path_factory.mktemp("home") / "palaver.db")
        )
        yield Home(opened.enter_context(palaver.open_store(url)))


def test_each_query_by_itself_shows_and_changes_nothing_of_anybody(home: Home) -> None:
    before = home.everything()
    left = set()
    for name, calls in sorted(home.calls().items()):
        rule = home.rules[name]
        if rule.check is None or name in ALWAYS_ONES_OWN or _is_for_system(rule):
            continue
        telling = [call for call in calls if home.does_something(home.ann.id, call)]
        if not telling:
            left.add(name)
        for call in telling or calls:
            home.refuses(call, rule)
    assert not left, "nothing was seen of these by their owner either: let the owner do more"
    assert home.everything() == before


def test_each_query_runs_in_what_people_do(home: Home) -> None:
    never = {name for name, rule in home.rules.items() if not _is_for_system(rule) and rule.check is not None}
    assert never - home.calls().keys() == RUN_BY_MARK


def test_what_is_for_system_no_administrator_runs(home: Home) -> None:
    refused = [name for name, rule in home.rules.items() if _is_for_system(rule)]
    with home.plain.database.read(home.ann.id) as tx:
        for name in refused:
            with pytest.raises(Trespass):
                tx.rows(name)
    assert len(refused) > 50


def test_a_viewer_changes_nothing_whatever_the_verb(home: Home) -> None:
    """Who sees a session and reached a query that changes it would be told no there as well."""
    changing = [
        call for calls in home.calls().values() for call in calls if _changes_a_session(home.rules[call[1]])
    ]
    assert {call[1] for call in changing} >= {
        "insert_message",
        "advance_session",
        "update_session",
        "delete_draft",
    }
    for call in changing:
        with pytest.raises((Forbidden, Trespass)):
            home.run(home.bob.id, call, admit=0)


@pytest.mark.parametrize("ref", [1 << 32, 1 << 32 | 1, -1])
def test_nobody_notes_a_change_of_what_they_do_not_see(home: Home, ref: int) -> None:
    with pytest.raises(Trespass):
        home.plain.database.write("stranger", lambda tx: tx.mark(0, ref))


def test_who_asks_for_another_than_themself_is_refused(home: Home) -> None:
    asking = [call for calls in home.calls().values() for call in calls if home.rules[call[1]].actor]
    for call in asking:
        with pytest.raises(Trespass):
            home.run("stranger", call)


def _is_for_system(rule: Rule) -> bool:
    return not rule.keys and not rule.actor and rule.check is not None


def _changes_a_session(rule: Rule) -> bool:
    return rule.least > 0 and any(key.sign == 1 for key in rule.keys)
