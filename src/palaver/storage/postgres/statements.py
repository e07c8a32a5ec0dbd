"""Named queries as PostgreSQL takes them: numbered parameters, each with the type that its name stands for.

So a NULL has a type, and a query is prepared once, whatever Python values it is given.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from palaver.storage import queries
from palaver.storage.wall import Rule

DIALECT = "postgres"
JSON_BODY = "\x10j"
"""What a body of JSON begins with in its column of text; a plain text cannot, as U+0010 is doubled in it."""

_TYPES = {
    "bigint": """
        added_at administrator after after_chunk all_kinds any_kinds archived_at at before begun_at checkpoint_count
        compression_count context_size created_at digits disabled_at ended_at epoch expires_at failed_at failures file
        from_position front has_file has_tool head high in_context key kind last last_chunk last_position lease_until
        length level limit low mark message_count more_tags most note_count now number parent personal pinned position
        project project_key purged_at purpose ref relation reverted_at revision role scope seq session setup size
        snapshot_count state status target through through_position title_mark title_source token_count tokens
        trashed_at trashed_with turn updated_at used_at version
    """,
    "bytea": "answer answers data detail_guard digest guard head_id id keep made_id match_key only parent_id",
    "text": """
        account account_id actor address body checkpoints choice choices description email email_key ending error
        headers hint issuer member metadata model model_part name needle origin origin_id origin_source owner
        owner_id password prefix provider replaces request request_id request_key source subject summary system_prompt
        tag tags time title told usage user_agent word
    """,
    "json": "counts detail ids keys projects refs roles sessions settings value words",
    "boolean": "trashed with_text",
    "text::tsquery": "blocks match narrowed",
    "xid8": "transaction",
    "bigint[]": """
        chunks seqs sizes change_seq change_kind change_ref session_state session_head session_last_position
        session_message_count session_note_count session_token_count session_updated_at session_key message_ref
        message_parent message_mark message_role message_status message_tokens message_in_context message_created_at
        message_trashed_at message_purged_at
    """,
    "bytea[]": "session_head_id session_guard message_id message_digest message_match_key message_guard",
    "text[]": """
        vectors change_detail message_model message_provider message_usage message_error message_metadata
        message_origin_source message_origin_id message_body
    """,
}
_TYPE_OF = {name: kind for kind, names in _TYPES.items() for name in names.split()}
# Where a name stands for something else than anywhere else.
_BY_QUERY = {
    "account_exists": {"id": "text"},
    "door_delete_attempt": {"subject": "bytea"},
    "door_find_account": {"id": "text"},
    "door_find_attempt": {"subject": "bytea"},
    "door_insert_account": {"id": "text"},
    "door_put_attempt": {"subject": "bytea"},
    "email_is_taken": {"id": "text"},
    "find_account": {"id": "text"},
    "find_sessions_between": {"low": "bytea", "high": "bytea"},
    "index_move": {"source": "bigint"},
    "insert_turn_event": {"id": "text", "data": "json"},
    "ledger_add": {"digest": "text"},
    "list_accounts": {"after": "text"},
    "put_session_detail": {"metadata": "json"},
    "search_changes": {"state": "text"},
    "search_index": {"state": "text"},
    "search_project_ids": {"low": "bytea", "high": "bytea"},
    "search_session_ids": {"low": "bytea", "high": "bytea"},
    "search_sessions": {"state": "text"},
    "update_account": {"id": "text"},
    "word_count_beginning": {"low": "text", "high": "text"},
    "word_most_frequent": {"low": "text", "high": "text"},
}


class Statement(NamedTuple):
    """SQL as bytes, what puts named parameters in their order, and these with their types in this order."""

    sql: bytes
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    rule: Rule
    types: dict[str, str]


@cache
def statements() -> dict[str, Statement]:
    """All queries by name. Raises `LookupError` for a parameter whose type is not known."""
    found = queries.load(DIALECT)
    return {name: _statement(name, found[name], rule) for name, rule in queries.rules(DIALECT).items()}


def _statement(name: str, text: str, rule: Rule) -> Statement:
    types = {parameter: _type_of(name, parameter) for parameter in queries.parameters(text)}
    query = queries.number(text, rule, lambda parameter, number: f"${number}::{types[parameter]}")
    bind = _encoding_body(query.bind, list(types).index("body")) if "body" in types else query.bind
    return Statement(query.sql.encode(), bind, rule, types)


def _type_of(query: str, parameter: str) -> str:
    kind = _BY_QUERY.get(query, {}).get(parameter) or _TYPE_OF.get(parameter)
    if kind is None:
        raise LookupError(f"parameter {parameter} of query {query} has no type: give it one here")
    return kind


def _encoding_body(
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]], place: int
) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    def bind_body(parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        values = bind(parameters)
        return (*values[:place], body_text(values[place]), *values[place + 1 :])

    return bind_body


def body_text(body: str | bytes | None) -> str | bytes | None:
    """A body as it stands in its column: JSON is told from plain text by how it begins."""
    return JSON_BODY.encode() + body if type(body) is bytes else body
