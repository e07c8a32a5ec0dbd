"""Verbs in any order against a plain dictionary: what the store says is what the model says."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

import palaver
from palaver import NewMessage, Store
from palaver.context import tokens
from palaver.model import TITLE_SOURCES, TitleSource

bodies = st.text(st.characters(codec="utf-8"), max_size=20)
makers = st.sampled_from([palaver.user, palaver.assistant, palaver.note, palaver.system])


@dataclass
class Said:
    message: NewMessage
    parent: str | None
    position: int
    trashed: bool = False


@dataclass
class Talk:
    """What the model knows of a session."""

    said: dict[str, Said] = field(default_factory=dict)
    head: str | None = None
    title: str = "New Chat"
    source: TitleSource = "default"
    pinned: bool = False
    trashed: bool = False
    draft: str | None = None
    streamed: str = ""

    def branch(self, leaf: str | None) -> list[str]:
        chain: list[str] = []
        while leaf is not None:
            chain.append(leaf)
            leaf = self.said[leaf].parent
        return chain[::-1]

    def shown(self, leaf: str | None) -> list[str]:
        return [name for name in self.branch(leaf) if not self.said[name].trashed]

    def add(self, message: NewMessage, parent: str | None) -> None:
        self.said[message.id] = Said(message, parent, len(self.said) + 1)
        if self.head == parent:
            self.head = message.id


class Verbs(RuleBasedStateMachine):
    """One store, several handles on it, and the model beside them."""

    talks = Bundle("talks")
    drafts = Bundle("drafts")

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.model: dict[str, Talk] = {}
        self.unchecked: set[str] = set()

    @initialize()
    def begin(self) -> None:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.path = str(Path(folder) / "palaver.db")
        self.store: Store = self._stack.enter_context(palaver.open_store(self.path))

    def teardown(self) -> None:
        try:
            self.unchecked.update(self.model)
            self.what_was_touched_is_as_the_model_says()
            assert self.store.verify().problems == []
        finally:
            self._stack.close()

    def _talk(self, session: str) -> Talk:
        self.unchecked.add(session)
        return self.model[session]

    @rule(target=talks)
    def create(self) -> str:
        session = self.store.create_session()
        self.model[session.id] = Talk()
        return session.id

    @rule(session=talks, body=bodies, make=makers)
    def append(self, session: str, body: str, make: "type[NewMessage]") -> None:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return
        message: NewMessage = make(body)  # type: ignore[call-arg, arg-type]
        self.store.append(session, message)
        talk.add(message, talk.head)
        self._titled(talk, message)

    @rule(session=talks, body=bodies, data=st.data())
    def branch_off(self, session: str, body: str, data: st.DataObject) -> None:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return
        parent = data.draw(st.sampled_from([None, *talk.said]))
        message = palaver.user(body)
        self.store.append(session, message, parent_id=parent)
        talk.add(message, parent)
        self._titled(talk, message)

    def _titled(self, talk: Talk, message: NewMessage) -> None:
        if message.role != "user" or talk.source != "default":
            return
        session = next(name for name, other in self.model.items() if other is talk)
        stored = self.store.get_session(session)
        talk.title, talk.source = stored.title, stored.title_source
        assert (talk.source == "first_message") == bool(talk.title != "New Chat")

    @rule(session=talks, data=st.data())
    def repeat(self, session: str, data: st.DataObject) -> None:
        talk = self._talk(session)
        if talk.trashed or not talk.said:
            return
        said = talk.said[data.draw(st.sampled_from(sorted(talk.said)))]
        if said.message.id != talk.draft and not said.trashed and said.message.status == "complete":
            (stored,) = self.store.append(session, said.message, parent_id=said.parent)
            assert stored.position == said.position

    @rule(session=talks, data=st.data())
    def move_head(self, session: str, data: st.DataObject) -> None:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return
        talk.head = data.draw(st.sampled_from([None, *talk.said]))
        self.store.set_head(session, talk.head)

    @rule(session=talks)
    def clear(self, session: str) -> None:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return
        self.store.clear_session(session)
        talk.head = None

    @rule(session=talks, data=st.data())
    def trash_message(self, session: str, data: st.DataObject) -> None:
        talk = self._talk(session)
        usable = [name for name in talk.said if name != talk.draft]
        if talk.trashed or not usable:
            return
        name = data.draw(st.sampled_from(usable))
        talk.said[name].trashed = not talk.said[name].trashed
        (self.store.trash_message if talk.said[name].trashed else self.store.untrash_message)(name)

    @rule(
        session=talks,
        title=st.text("abc é", min_size=1).filter(str.strip),
        source=st.sampled_from(TITLE_SOURCES[1:]),
    )
    def rename(self, session: str, title: str, source: TitleSource) -> None:
        talk = self._talk(session)
        if talk.trashed:
            return
        stored = self.store.update_session(session, title=title, title_source=source)
        if TITLE_SOURCES.index(source) >= TITLE_SOURCES.index(talk.source):
            talk.title, talk.source = stored.title, source
        assert (stored.title, stored.title_source) == (talk.title, talk.source)

    @rule(session=talks)
    def pin(self, session: str) -> None:
        talk = self._talk(session)
        if not talk.trashed:
            talk.pinned = not talk.pinned
            self.store.update_session(session, pinned=talk.pinned)

    @rule(session=talks)
    def trash_or_untrash(self, session: str) -> None:
        talk = self._talk(session)
        if talk.draft:
            return
        talk.trashed = not talk.trashed
        (self.store.trash_session if talk.trashed else self.store.untrash_session)(session)

    @rule(session=consumes(talks))
    def purge(self, session: str) -> None:
        if self._talk(session).draft:
            self.store.close_draft(str(self._talk(session).draft))
        self.store.purge_session(session)
        del self.model[session]
        self.unchecked.discard(session)

    @rule(session=talks, target=talks)
    def fork(self, session: str) -> object:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return multiple()
        fork = self.store.fork_session(session, title="Copy")
        self.unchecked.add(fork.id)
        copy = self.model[fork.id] = Talk(title="Copy", source="user")
        for message in self.store.messages(fork.id):
            fields = {name: getattr(message, name) for name in NewMessage.__struct_fields__}
            copy.add(NewMessage(**fields), message.parent_id)
        wanted = [talk.said[name].message.parts for name in talk.shown(talk.head)]
        assert [said.message.parts for said in copy.said.values()] == wanted
        return fork.id

    @rule(session=talks)
    def open_draft(self, session: str) -> None:
        talk = self._talk(session)
        if talk.trashed or talk.draft:
            return
        draft = self.store.open_draft(session)
        talk.draft, talk.streamed = draft.id, ""
        talk.add(palaver.assistant("", id=draft.id, parts=(), status="streaming"), draft.parent_id)

    @rule(session=talks, body=bodies.filter(bool))
    def extend_draft(self, session: str, body: str) -> None:
        talk = self._talk(session)
        if talk.draft:
            state = self.store.extend_draft(talk.draft, palaver.Text(body), offset=len(talk.streamed))
            talk.streamed += body
            assert state.offset == len(talk.streamed)

    @rule(session=talks)
    def close_draft(self, session: str) -> None:
        talk = self._talk(session)
        if talk.draft:
            stored = self.store.close_draft(talk.draft)
            parts = (palaver.Text(talk.streamed),) if talk.streamed else ()
            talk.said[talk.draft].message = NewMessage(role="assistant", parts=parts, id=stored.id)
            talk.draft = None

    @rule()
    def reopen(self) -> None:
        if not any(talk.draft for talk in self.model.values()):
            self.store.close()
            self.store = self._stack.enter_context(palaver.open_store(self.path))

    @rule()
    def verify(self) -> None:
        assert self.store.verify().problems == []
        self.unchecked.update(self.model)

    @invariant()
    def what_was_touched_is_as_the_model_says(self) -> None:
        for name in sorted(self.unchecked):
            self._check_session(name, self.model[name])
            self._check_branches(name, self.model[name])
        self.unchecked.clear()

    def _check_session(self, name: str, talk: Talk) -> None:
        session = self.store.get_session(name)
        kept = [said for said in talk.said.values() if not said.trashed]
        assert session.message_count == len(kept) - bool(talk.draft)
        assert (session.title, session.title_source, session.pinned) == (talk.title, talk.source, talk.pinned)
        assert bool(session.trashed_at) == talk.trashed
        if not talk.draft:
            assert session.head_id == talk.head
            branch = [talk.said[name].message for name in talk.shown(talk.head)]
            assert session.token_count == sum(map(tokens.count, branch))

    def _check_branches(self, name: str, talk: Talk) -> None:
        stored = list(self.store.tree(name))
        assert [message.position for message in stored] == list(range(1, len(talk.said) + 1))
        for message in stored:
            said = talk.said[message.id]
            assert (message.parent_id, bool(message.trashed_at)) == (said.parent, said.trashed)
            assert message.id == talk.draft or message.parts == said.message.parts
        if not talk.draft:
            shown = [message.id for message in self.store.messages(name)]
            assert shown == talk.shown(talk.head)
            assert shown[-50:] == [message.id for message in self.store.list_messages(name).items]

    @invariant()
    def the_list_is_in_the_order_of_content(self) -> None:
        listed = self.store.list_sessions(limit=200).items
        wanted = {
            name
            for name, talk in self.model.items()
            if not talk.trashed
            and any(
                not said.trashed and said.message.role != "note" and said.message.id != talk.draft
                for said in talk.said.values()
            )
        }
        assert {session.id for session in listed} == wanted
        moments = [session.updated_at for session in listed]
        assert moments == sorted(moments, reverse=True)


TestVerbs = Verbs.TestCase
TestVerbs.settings = hypothesis.settings(
    max_examples=40, stateful_step_count=30, suppress_health_check=list(hypothesis.HealthCheck)
)
