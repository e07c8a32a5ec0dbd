"""A server that is a program: run in a session of its own, spoken to over its stdin and stdout.

Only imported by what connects: mcp takes a second to import.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from palaver.tools.lines import Lines, LineTooLong
from palaver.tools.messages import Messages, NotMCP
from palaver.tools.stderr import Stderr

_log = logging.getLogger(__name__)

MAX_MESSAGE = 32 * 1024 * 1024
"""Bytes of one message."""
_FLUSH = 0.5
_GRACE = 1.0
"""Seconds to write what is left; to end by itself when stdin is closed, and again when told to."""
_POLL = 0.01

Received = MemoryObjectSendStream[SessionMessage | Exception]
Sending = MemoryObjectReceiveStream[SessionMessage]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    program: str
    args: Sequence[str]
    environment: Mapping[str, str]
    cwd: str | None = None


class Program:
    """One run of a server's program. `ended` is set when nothing more comes from it."""

    def __init__(self, name: str, command: Command, clean: Callable[[str], str]) -> None:
        self._name = name
        self._command = command
        self.clean = clean
        self._stderr = Stderr(name, clean)
        self._messages = Messages(name, clean)
        self._process: Process | None = None
        self._broken: str | None = None
        self.ended = asyncio.Event()

    @property
    def hint(self) -> str:
        """What else is known of an error it answered with."""
        return ""

    @property
    def has_forgotten(self) -> bool:
        """A program knows of its connection as long as it runs."""
        return False

    @property
    def said(self) -> str:
        """What it said last, as a sentence of its own."""
        text = self._stderr.last()
        if not text and self._broken is None and (strange := self._messages.strange):
            text = f"{strange} (on stdout, which is for messages)"
        return f". It said: {text}" if text else ""

    @property
    def alive(self) -> bool:
        return not self.ended.is_set() and self._process is not None and self._process.returncode is None

    def describe(self, when: str = "") -> str:
        """How it goes or how it ended, and what it said last: words that follow its name."""
        return (self._broken or self._state() + when) + self.said

    @asynccontextmanager
    async def streams(
        self,
    ) -> AsyncGenerator[tuple[MemoryObjectReceiveStream[SessionMessage | Exception], Any]]:
        """Start it, and what is read from it and written to it. At the end nothing of it is left."""
        process = self._process = await _start(self._command)
        stdin, stdout, stderr = _pipes(process)
        received, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, sending = anyio.create_memory_object_stream[SessionMessage](0)
        written = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, stdout, received)
            tasks.start_soon(self._write, stdin, sending, received, written)
            tasks.start_soon(self._hear, stderr)
            try:
                yield read, write
            finally:
                with anyio.CancelScope(shield=True):
                    read.close()
                    write.close()
                    with anyio.move_on_after(_FLUSH):
                        await written.wait()
                    await _end(process)
                    await _reap(process)
                    received.close()
                    sending.close()
                tasks.cancel_scope.cancel()

    def _state(self) -> str:
        code = self._process.returncode if self._process is not None else None
        if code is not None:
            return f"has ended (signal {-code})" if code < 0 else f"has ended (exit code {code})"
        return "has closed its stdout" if self.ended.is_set() else "is running"

    async def _read(self, stdout: ByteReceiveStream, received: Received) -> None:
        lines = Lines(MAX_MESSAGE)
        async with received:
            try:
                async for data in stdout:
                    for line in lines.feed(data):
                        await self._take(line, received)
            except LineTooLong:
                self._broken = f"has sent a message of more than {MAX_MESSAGE // 1024**2} MB"
            except NotMCP as exc:
                self._broken = str(exc)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
                _log.debug("%s: reading ended", self._name, exc_info=True)
            finally:
                self.ended.set()

    async def _take(self, line: bytes, received: Received) -> None:
        message = self._messages.parse(line)
        if message is not None:
            # Who read may be gone while the program still writes: it must not wait for us before it ends.
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await received.send(SessionMessage(message))

    async def _write(
        self, stdin: ByteSendStream, sending: Sending, received: Received, written: anyio.Event
    ) -> None:
        try:
            async with sending:
                async for one in sending:
                    text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await stdin.send(text.encode() + b"\n")
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            await received.aclose()  # whoever waits for an answer must hear that none comes
        finally:
            written.set()

    async def _hear(self, stderr: ByteReceiveStream) -> None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            async for data in stderr:
                await anyio.sleep(self._stderr.feed(data))


async def _start(command: Command) -> Process:
    """In a session of its own: a Ctrl+C in the terminal stops the answer, not the server."""
    environment = dict(command.environment)
    if sys.platform == "win32":
        import subprocess  # noqa: PLC0415

        from mcp.os.win32.utilities import (  # noqa: PLC0415
            create_windows_process,
            get_windows_executable_command,
        )

        program = get_windows_executable_command(command.program)
        return await create_windows_process(
            program, list(command.args), environment, subprocess.PIPE, command.cwd
        )
    return await anyio.open_process(
        [command.program, *command.args], env=environment, cwd=command.cwd, start_new_session=True
    )


def _pipes(process: Process) -> tuple[ByteSendStream, ByteReceiveStream, ByteReceiveStream]:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise OSError("the program was started without pipes")
    return stdin, stdout, stderr


async def _end(process: Process) -> None:
    """Close its stdin, give it a moment, then end it and whatever it has started."""
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
        if process.stdin is not None:
            await process.stdin.aclose()
    with anyio.move_on_after(_GRACE):
        while process.returncode is None:  # noqa: ASYNC110  (waiting for it would wait for its pipes, too)
            await anyio.sleep(_POLL)
    if sys.platform == "win32":
        from mcp.os.win32.utilities import terminate_windows_process_tree  # noqa: PLC0415

        await terminate_windows_process_tree(process)
    else:
        from mcp.os.posix.utilities import terminate_posix_process_tree  # noqa: PLC0415

        await terminate_posix_process_tree(process, _GRACE)


async def _reap(process: Process) -> None:
    """Close the pipes, also those that something it has started still holds, and take note of the end."""
    # Nothing public does that: asyncio waits until the other end of each is closed, too.
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    with anyio.move_on_after(_GRACE), suppress(OSError):
        if transport is not None:
            transport.close()
        await process.aclose()
