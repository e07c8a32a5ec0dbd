"""A server over an empty store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palaver import Store
from tests.support.http import local_server


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """Speaks to a local server over `store`, with its token."""
    with local_server(store, tmp_path) as client:
        yield client
