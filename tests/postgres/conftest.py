"""What is PostgreSQL's own; what every database does is tested in tests/store."""

import pytest


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url
