"""Every query is one that PostgreSQL understands."""

import psycopg

from palaver.storage.postgres import connection
from palaver.storage.postgres.address import parse
from palaver.storage.postgres.statements import statements

FRAGMENTS = {
    "checkpoint_columns", "checkpoint_link", "checkpoint_rows", "message_columns", "project_columns",
    "session_columns", "session_filter", "session_value", "snapshot_columns", "visible",
}  # fmt: skip
SEVERAL = {"begin_write", "settle"}


def test_every_query_is_prepared_with_the_types_of_its_parameters(postgres_url: str) -> None:
    with connection.connect(parse(postgres_url)) as opened:
        for name in statements().keys() - FRAGMENTS - SEVERAL:
            result = opened.pgconn.prepare(name.encode(), statements()[name].sql)
            assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, (name, result.error_message)
