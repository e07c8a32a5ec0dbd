"""One example of each value, from which those of the whole OpenAPI document are put together."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from palaver.model import Checkpoint, File, Hit, Message, Project, Session, Snapshot, Text, Time, Usage

ID = "0190a7c4-5d1e-7c3a-9b42-3f6a0c8e1d27"
PROJECT_ID = "0190a7c4-5b10-7e21-8a6d-c1f2b3a49508"
SESSION_ID = "0190a7c4-5c3f-7a90-b8e4-7d2c9f10a6b3"
QUESTION_ID = "0190a7c4-5d02-7144-9c55-02e8b6d4f719"
MESSAGE_ID = "0190a7c4-5d1e-7c3a-9b42-3f6a0c8e1d27"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AT = Time.from_ms(1_769_504_400_000)

IDS = {
    "projectId": PROJECT_ID,
    "sessionId": SESSION_ID,
    "chatSessionId": SESSION_ID,
    "messageId": MESSAGE_ID,
    "parentId": QUESTION_ID,
    "leafId": MESSAGE_ID,
    "digest": DIGEST,
}

_PROJECT = Project(
    id=PROJECT_ID,
    name="Travel",
    description="Where to go next.",
    owner_id="local",
    created_at=AT,
    updated_at=AT,
)
_SESSION = Session(
    id=SESSION_ID,
    project_id=PROJECT_ID,
    title="Trip to Lisbon",
    title_source="user",
    model="llama3.2",
    provider="ollama",
    tags=("travel",),
    head_id=MESSAGE_ID,
    message_count=2,
    token_count=61,
    created_at=AT,
    updated_at=AT,
)
_MESSAGE = Message(
    id=MESSAGE_ID,
    session_id=SESSION_ID,
    parent_id=QUESTION_ID,
    position=2,
    role="assistant",
    parts=(Text("The tram 28, the Alfama, and Belém."),),
    model="llama3.2",
    provider="ollama",
    usage=Usage(input_tokens=42, output_tokens=19),
    digest="b2:4a2f8e0c5d1b9763a1f0c2d4e6b8a097",
    match_key="b2:1c9d3e5f7a8b0246c8e0f1a2b3d4e5f6",
    created_at=AT,
)
_CHECKPOINT = Checkpoint(
    id=ID,
    session_id=SESSION_ID,
    kind="summary",
    from_id=QUESTION_ID,
    through_id=MESSAGE_ID,
    summary="They plan a trip to Lisbon in May.",
    level=3,
    number=1,
    token_count=12,
    created_at=AT,
)
_SNAPSHOT = Snapshot(
    id=ID,
    session_id=SESSION_ID,
    name="Before the other plan",
    purpose="manual",
    head_id=MESSAGE_ID,
    token_count=61,
    created_at=AT,
)
_FILE = File(DIGEST, "map.png", "image/png", 48_213)
_HIT = Hit(
    session_id=SESSION_ID,
    message_id=MESSAGE_ID,
    project_id=PROJECT_ID,
    title="Trip to Lisbon",
    role="assistant",
    snippet="The tram 28, the Alfama, and Belém.",
    ranges=((17, 23),),
    score=1.0,
    created_at=AT,
)
_VALUES: dict[type, Any] = {
    type(value): value
    for value in (_PROJECT, _SESSION, _MESSAGE, _CHECKPOINT, _SNAPSHOT, _FILE, _HIT, Text("Hello."))
}
_BY_NAME: dict[str, Any] = {
    **IDS,
    "id": ID,
    "account_id": ID,
    "project_id": PROJECT_ID,
    "session_id": SESSION_ID,
    "chat_session_id": SESSION_ID,
    "actor": "local",
    "version": "1.0.0",
    "content": _MESSAGE.text,
    "last_message": _MESSAGE.text,
    "role": "owner",
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "mode": "local",
}


def example_of(type: Any, name: str = "") -> Any:
    """A value of a type that an operation answers with. `name` is that of the field it stands in."""
    bare = get_args(type)[0] if get_origin(type) is Annotated else type
    if bare in _VALUES:
        return _VALUES[bare]
    if isinstance(bare, msgspec.StructMeta):
        return _struct(bare)
    origin = get_origin(bare)
    if origin in (Union, UnionType):
        members = get_args(bare)
        return None if NoneType in members and name not in _BY_NAME else example_of(members[0], name)
    if origin in (list, tuple):
        return [example_of(get_args(bare)[0], name)]
    return _leaf(bare, name)


def _struct(type: Any) -> Any:
    base = next((_VALUES[one] for one in type.__mro__ if one in _VALUES), None)
    values = {}
    for field in msgspec.structs.fields(type):
        known = getattr(base, field.name, UNSET)
        if known is not UNSET:
            values[field.name] = known
        elif UnsetType not in get_args(field.type):
            values[field.name] = example_of(field.type, field.name)
    return type(**values)


def _leaf(type: Any, name: str) -> Any:
    if get_origin(type) is Literal:
        named = _BY_NAME.get(name)
        return named if named in get_args(type) else get_args(type)[0]
    if type is str:
        return _BY_NAME.get(name, "text")
    plain: dict[Any, Any] = {bool: True, int: 1, float: 1.0, Time: AT}
    return plain.get(type, {} if get_origin(type) is dict else None)
