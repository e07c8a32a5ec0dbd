"""What somebody may do follows from their role: strangers see nothing, viewers read, editors write, the owner decides."""

import time
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from palaver import Conflict, Filter, Forbidden, Invalid, NotFound, Store
from palaver.accounts import Accounts, Invited, Member
from palaver.model import MEMBER_ROLES, MemberRole
from tests.conftest import OpenStore
from tests.store.test_isolation import BY_NOUN, answer, everything
from tests.support.factories import NO_ID, a_conversation, a_question, an_answer
from tests.support.people import PASSWORD, Person, a_person, accounts_of

READING = {
    "get_project", "list_sessions of it", "get_session", "find_session", "messages", "list_messages", "tree",
    "list_sibling_ids", "list_turns", "list_checkpoints", "list_snapshots", "create_session linked to it",
    "get_message", "list_siblings", "get_snapshot", "open_file",
}  # fmt: skip
OWNING = {
    "update_project", "trash_project", "untrash_project", "purge_project", "purge_session", "purge_message",
}  # fmt: skip
# Whoever it is: the message is brought into a session of their own, where it is not.
ELSEWHERE = {verb for verb in BY_NOUN["message"] if verb.endswith((" it",))}

CASES = [(noun, verb) for noun, verbs in BY_NOUN.items() for verb in verbs if verb not in ELSEWHERE]


def needed(verb: str) -> int:
    """The number of the least role that does it; what is not listed takes an editor."""
    return 0 if verb in READING else 2 if verb in OWNING else 1


class Garden(NamedTuple):
    """A shared project with one of everything in it, and the people around it."""

    things: dict[str, str]
    people: dict[str, Person]

    @property
    def owner(self) -> Person:
        return self.people["owner"]


class Town(NamedTuple):
    """Who there is in a database, before anybody shares anything."""

    people: dict[str, Person]


@pytest.fixture
def accounts(open_database: OpenStore) -> Accounts:
    return accounts_of(open_database())


@pytest.fixture
def town(store: Store, accounts: Accounts) -> Town:
    return Town(
        {
            name: a_person(store, accounts, name)
            for name in ("owner", "editor", "viewer", "removed", "stranger")
        }
    )


def a_garden(town: Town) -> Garden:
    owner = town.people["owner"]
    project = owner.store.create_project("Garden")
    session = a_conversation(owner.store, "marigold", "rose", project_id=project.id)
    first, last = owner.store.messages(session.id)
    file = owner.store.put_file(b"marigold", name="bed.txt")
    owner.store.append(session.id, an_answer("here", parts=(file,)))
    checkpoint = owner.store.add_checkpoint(session.id, from_id=first.id, through_id=last.id, summary="x")
    things = {
        "project": project.id,
        "session": session.id,
        "message": first.id,
        "checkpoint": checkpoint.id,
        "snapshot": owner.store.take_snapshot(session.id).id,
        "file": file.digest,
        "draft": owner.store.open_draft(session.id).id,
    }
    for name in ("editor", "viewer", "removed"):
        role: MemberRole = "viewer" if name == "viewer" else "editor"
        owner.accounts.put_member(project.id, town.people[name].id, role)
    owner.accounts.remove_member(project.id, town.people["removed"].id)
    return Garden(things, town.people)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_what_takes_more_than_ones_role_is_forbidden_and_changes_nothing(
    town: Town, role: MemberRole
) -> None:
    garden = a_garden(town)
    before = everything(garden.owner.store, garden.things)
    for noun, verb in CASES:
        if needed(verb) > MEMBER_ROLES.index(role):
            with pytest.raises(Forbidden):
                BY_NOUN[noun][verb](garden.people[role].store, garden.things[noun])
    assert everything(garden.owner.store, garden.things) == before


@pytest.mark.parametrize("who", ["stranger", "removed"])
def test_who_is_no_member_gets_the_answer_for_what_never_existed(town: Town, who: str) -> None:
    garden = a_garden(town)
    before = everything(garden.owner.store, garden.things)
    store = garden.people[who].store
    for noun, verb in CASES:
        never = "0" * 64 if noun == "file" else NO_ID
        call = BY_NOUN[noun][verb]
        store.ensure_session()
        assert answer(call, store, garden.things[noun]) == answer(call, store, never), verb
    assert everything(garden.owner.store, garden.things) == before


def test_a_viewer_reads_all_there_is(town: Town) -> None:
    garden = a_garden(town)
    for noun, verb in CASES:
        if needed(verb) == 0:
            BY_NOUN[noun][verb](garden.people["viewer"].store, garden.things[noun])


@pytest.mark.parametrize(("noun", "verb"), [case for case in CASES if needed(case[1]) > 0])
def test_the_least_role_that_is_needed_is_enough(town: Town, noun: str, verb: str) -> None:
    """It is done, or what is in the way has nothing to do with who asks."""
    garden = a_garden(town)
    got, *what = answer(
        BY_NOUN[noun][verb], garden.people[MEMBER_ROLES[needed(verb)]].store, garden.things[noun]
    )
    assert got is not Forbidden
    assert got is not NotFound or what[0] != noun


def test_lists_searches_changes_and_counts_are_those_of_members(town: Town) -> None:
    garden = a_garden(town)
    for who, sees in (("viewer", True), ("editor", True), ("removed", False), ("stranger", False)):
        store = garden.people[who].store
        assert bool(store.list_projects().items) is sees
        assert bool(store.list_sessions().items) is sees
        assert bool(store.search("marigold").items) is sees
        assert (
            bool(store.search("marigold", filter=Filter(project_id=garden.things["project"])).items) is sees
        )
        assert bool(store.changes().items) is sees
        assert bool(store.list_largest_sessions()) is sees
        assert bool(store.list_last_texts([garden.things["session"]])) is sees
        assert (store.stats().sessions, store.stats().files) == ((1, 1) if sees else (0, 0))
        assert bool(store.roles([garden.things["project"]])) is sees


def test_a_members_trash_is_purged_by_the_owner_alone(town: Town) -> None:
    garden = a_garden(town)
    editor = garden.people["editor"].store
    gone = a_conversation(editor, "gone", project_id=garden.things["project"])
    editor.trash_session(gone.id)
    assert editor.purge_trash(older_than=timedelta(0)) == 0
    assert editor.get_session(gone.id).trashed_at is not None


def test_tidying_without_a_project_leaves_those_of_others_alone(town: Town) -> None:
    garden = a_garden(town)
    editor = garden.people["editor"].store
    kept = a_conversation(editor, "kept", project_id=garden.things["project"])
    mine = a_conversation(editor, "mine")
    assert editor.keep_newest(0) == [mine.id]
    assert editor.get_session(kept.id).trashed_at is None


def test_a_purge_is_told_to_members_and_to_nobody_else(town: Town) -> None:
    garden = a_garden(town)
    gone = a_conversation(garden.owner.store, "gone", project_id=garden.things["project"])
    marks = {who: person.store.mark() for who, person in garden.people.items()}
    garden.owner.store.purge_session(gone.id)
    for who, person in garden.people.items():
        told = [change.session_id for change in person.store.changes(marks[who]).items]
        assert (gone.id in told) is (who in ("owner", "editor", "viewer")), who


def test_who_was_let_go_learns_nothing_more_of_what_was_purged_before(town: Town) -> None:
    garden = a_garden(town)
    gone = a_conversation(garden.owner.store, "gone", project_id=garden.things["project"])
    garden.owner.store.purge_session(gone.id)
    viewer = garden.people["viewer"]
    assert gone.id in [change.session_id for change in viewer.store.changes().items]
    garden.owner.accounts.remove_member(garden.things["project"], viewer.id)
    assert viewer.store.changes().items == []


def test_who_was_let_go_appends_nothing_more_wherever_they_wrote_last(
    town: Town, open_database: OpenStore
) -> None:
    """Where the next message goes is remembered between appends, and must not outlive the membership."""
    owner, editor = town.people["owner"], town.people["editor"]
    elsewhere = accounts_of(open_database()).as_actor(owner.id)
    for accounts in (owner.accounts, elsewhere):
        project = owner.store.create_project("Garden")
        session = owner.store.create_session(project_id=project.id)
        accounts.put_member(project.id, editor.id, "editor")
        for _ in range(3):
            editor.store.append(session.id, a_question())
        accounts.put_member(project.id, editor.id, "viewer")
        with pytest.raises(Forbidden):
            editor.store.append(session.id, a_question())
        accounts.remove_member(project.id, editor.id)
        with pytest.raises(NotFound):
            editor.store.append(session.id, a_question())
        assert owner.store.get_session(session.id).message_count == 3


def test_reading_a_long_branch_ends_where_membership_does(town: Town) -> None:
    owner, viewer = town.people["owner"], town.people["viewer"]
    project = owner.store.create_project("Garden")
    session = owner.store.create_session(project_id=project.id)
    owner.store.append(session.id, *(a_question(str(number)) for number in range(1_200)))
    owner.accounts.put_member(project.id, viewer.id, "viewer")
    reading = iter(viewer.store.messages(session.id))
    next(reading)
    owner.accounts.remove_member(project.id, viewer.id)
    with pytest.raises(NotFound):
        list(reading)


def test_a_listener_hears_of_a_project_while_it_may_see_it(town: Town) -> None:
    owner, viewer = town.people["owner"], town.people["viewer"]
    project = owner.store.create_project("Garden")
    heard: list[str | None] = []
    stop = viewer.store.listen(lambda changes: heard.extend(change.session_id for change in changes))
    owner.accounts.put_member(project.id, viewer.id, "viewer")
    shown = a_conversation(owner.store, "shown", project_id=project.id)
    _until(lambda: shown.id in heard)
    owner.accounts.remove_member(project.id, viewer.id)
    hidden = a_conversation(owner.store, "hidden", project_id=project.id)
    own = a_conversation(viewer.store, "own")
    _until(lambda: own.id in heard)
    stop()
    assert hidden.id not in heard


def _until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_members_are_listed_for_members_the_owner_first(town: Town) -> None:
    garden = a_garden(town)
    project = garden.things["project"]
    for who in ("owner", "editor", "viewer"):
        members = garden.people[who].accounts.list_members(project)
        assert [(member.name, member.role) for member in members] == [
            ("owner", "owner"),
            ("editor", "editor"),
            ("viewer", "viewer"),
        ]
    for who in ("removed", "stranger"):
        with pytest.raises(NotFound):
            garden.people[who].accounts.list_members(project)


@pytest.mark.parametrize("who", ["editor", "viewer"])
def test_only_the_owner_decides_on_members(town: Town, who: str) -> None:
    garden = a_garden(town)
    accounts, project = garden.people[who].accounts, garden.things["project"]
    stranger, editor = garden.people["stranger"], garden.people["editor"]
    for decide in (
        lambda: accounts.put_member(project, stranger.id, "viewer"),
        lambda: accounts.invite_member(project, email="new@example.org", role="viewer"),
        lambda: accounts.create_invitation(project_id=project, role="viewer"),
        lambda: accounts.list_invitations(project_id=project),
        lambda: accounts.hand_over(project, garden.people[who].id),
        lambda: accounts.remove_member(project, garden.people["viewer" if who == "editor" else "editor"].id),
    ):
        with pytest.raises(Forbidden):
            decide()
    assert editor.store.roles([project]) == {project: "editor"}
    assert stranger.store.roles([project]) == {}


def test_an_administrator_sees_no_more_of_a_project_than_others(
    town: Town, store: Store, accounts: Accounts
) -> None:
    garden = a_garden(town)
    administrator = a_person(store, accounts, "admin", administrator=True)
    with pytest.raises(NotFound):
        administrator.store.get_project(garden.things["project"])
    with pytest.raises(NotFound):
        administrator.accounts.list_members(garden.things["project"])


def test_a_member_leaves_and_the_owner_hands_over_first(town: Town) -> None:
    garden = a_garden(town)
    project, owner, editor = garden.things["project"], garden.owner, garden.people["editor"]
    garden.people["viewer"].accounts.remove_member(project, garden.people["viewer"].id)
    with pytest.raises(Conflict):
        owner.accounts.remove_member(project, owner.id)
    with pytest.raises(Conflict):
        owner.accounts.put_member(project, owner.id, "viewer")
    with pytest.raises(Invalid):
        owner.accounts.put_member(project, editor.id, "owner")
    assert owner.accounts.hand_over(project, editor.id).owner_id == editor.id
    assert [(member.name, member.role) for member in editor.accounts.list_members(project)] == [
        ("editor", "owner"),
        ("owner", "editor"),
    ]
    editor.accounts.remove_member(project, owner.id)
    with pytest.raises(NotFound):
        owner.store.get_project(project)
    editor.store.update_project(project, name="Beds")


def test_a_personal_project_is_not_shared(town: Town) -> None:
    owner, other = town.people["owner"], town.people["editor"]
    personal = owner.store.personal_project().id
    for share in (
        lambda: owner.accounts.put_member(personal, other.id, "viewer"),
        lambda: owner.accounts.invite_member(personal, email="new@example.org", role="viewer"),
        lambda: owner.accounts.create_invitation(project_id=personal, role="viewer"),
        lambda: owner.accounts.hand_over(personal, other.id),
    ):
        with pytest.raises(Conflict):
            share()


def test_who_has_an_account_becomes_a_member_and_who_has_none_is_invited(
    town: Town, accounts: Accounts
) -> None:
    owner = town.people["owner"]
    project = owner.store.create_project("Garden")
    assert isinstance(
        owner.accounts.invite_member(project.id, email="VIEWER@example.org", role="viewer"), Member
    )
    invited = owner.accounts.invite_member(project.id, email="new@example.org", role="editor")
    assert isinstance(invited, Invited)
    assert (invited.invitation.project_name, invited.invitation.invited_by) == ("Garden", "owner")
    made = accounts.accept_invitation(invited.secret, password=PASSWORD)
    assert town.people["viewer"].store.as_actor(made.account.id).roles([project.id]) == {project.id: "editor"}
    assert not made.account.administrator


def test_an_invitation_to_a_project_is_joined_by_who_is_signed_in(town: Town) -> None:
    owner, editor, stranger = (town.people[name] for name in ("owner", "editor", "stranger"))
    project = owner.store.create_project("Garden")
    owner.accounts.put_member(project.id, editor.id, "editor")
    for who, then in ((stranger, "viewer"), (editor, "editor"), (owner, "owner")):
        invited = owner.accounts.create_invitation(project_id=project.id, role="viewer")
        who.accounts.join(invited.secret)
        assert who.store.roles([project.id]) == {project.id: then}
        with pytest.raises(NotFound):
            who.accounts.join(invited.secret)


def test_an_invitation_ends_with_its_project(town: Town, accounts: Accounts) -> None:
    owner = town.people["owner"]
    project = owner.store.create_project("Garden")
    invited = owner.accounts.create_invitation(project_id=project.id, role="viewer")
    owner.store.purge_project(project.id)
    with pytest.raises(NotFound):
        accounts.find_invitation(invited.secret)


PEOPLE = st.sampled_from(["owner", "editor", "viewer", "removed", "stranger"])


class Memberships(RuleBasedStateMachine):
    """Whoever adds, changes, removes, leaves and hands over: everybody can do what their role says, no more and no less."""

    people: dict[str, Person]

    @initialize()
    def begin(self) -> None:
        owner = self.people["owner"]
        self.project = owner.store.create_project("Garden").id
        self.session = owner.store.create_session(project_id=self.project).id
        self.roles = {"owner": 2}
        self.said = 0

    def expect(self, who: str, least: int, call: Any) -> bool:
        """Whether it was done, which the role of who asks decides."""
        role = self.roles.get(who)
        if role is None or role < least:
            with pytest.raises(NotFound if role is None else Forbidden):
                call()
            return False
        call()
        return True

    @rule(who=PEOPLE, whom=PEOPLE, role=st.sampled_from(["viewer", "editor"]))
    def put(self, who: str, whom: str, role: MemberRole) -> None:
        if self.roles.get(whom) != 2:
            accounts, id = self.people[who].accounts, self.people[whom].id
            if self.expect(who, 2, lambda: accounts.put_member(self.project, id, role)):
                self.roles[whom] = MEMBER_ROLES.index(role)

    @rule(who=PEOPLE, whom=PEOPLE)
    def remove(self, who: str, whom: str) -> None:
        if whom in self.roles and self.roles[whom] != 2:
            accounts, id = self.people[who].accounts, self.people[whom].id
            if self.expect(who, 0 if who == whom else 2, lambda: accounts.remove_member(self.project, id)):
                del self.roles[whom]

    @rule(who=PEOPLE, whom=PEOPLE)
    def hand_over(self, who: str, whom: str) -> None:
        if whom in self.roles and self.roles[whom] != 2:
            accounts, id = self.people[who].accounts, self.people[whom].id
            if self.expect(who, 2, lambda: accounts.hand_over(self.project, id)):
                self.roles |= {whom: 2, who: 1}

    @rule(who=PEOPLE)
    def append(self, who: str) -> None:
        store = self.people[who].store
        self.said += self.expect(who, 1, lambda: store.append(self.session, a_question()))

    @invariant()
    def everybody_is_told_their_role(self) -> None:
        for who, person in self.people.items():
            told = person.store.roles([self.project])
            assert told == ({self.project: MEMBER_ROLES[self.roles[who]]} if who in self.roles else {})

    def teardown(self) -> None:
        owner = next(who for who, role in self.roles.items() if role == 2)
        assert self.people[owner].store.get_session(self.session).message_count == self.said


def test_memberships_in_any_order(town: Town) -> None:
    machine = type("Here", (Memberships,), {"people": town.people})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )
