"""A body that is taken as it comes: counted, and beyond a little kept in a file and not in memory."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from anyio import to_thread
from starlette.requests import Request

from palaver.server.decoding import check_length, too_large

_IN_MEMORY = 1 << 20


@asynccontextmanager
async def received(request: Request, limit: int) -> AsyncIterator[BinaryIO]:
    """The whole body as a file, at its beginning. Raises "too_large" beyond `limit` bytes."""
    check_length(request.headers, limit)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            # What is in memory is there at once; a file may have to wait for the disk.
            if size <= _IN_MEMORY:
                file.write(chunk)
            else:
                await to_thread.run_sync(file.write, chunk)
        file.seek(0)
        yield cast(BinaryIO, file)
