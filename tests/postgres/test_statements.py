"""Every query is one that PostgreSQL understands."""

import re

import psycopg

from palaver.storage.postgres import connection
from palaver.storage.postgres.address import parse
from palaver.storage.postgres.statements import statements

FRAGMENTS = re.compile(
    r"\w+_(columns|link|rows|filter|value)|administers|editable|index_marks|owned|role|search_(fits|has_tool|is_text|size|within)|visible"
)
SEVERAL = {"begin_write", "settle"}


def test_every_query_is_prepared_with_the_types_of_its_parameters(postgres_url: str) -> None:
    with connection.connect(parse(postgres_url)) as opened:
        for name in statements().keys() - SEVERAL:
            if FRAGMENTS.fullmatch(name):
                continue
            result = opened.pgconn.prepare(name.encode(), statements()[name].sql)
            assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, (name, result.error_message)
