"""A real model server for tests: llama.cpp (the wheel `xllamacpp`) with the tiny model, in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.tiny_model import write_model

MODEL = "tiny"
WINDOW = 2048
SLOTS = 4
_SERVE = """
import sys
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = int(sys.argv[2])
params.n_parallel = int(sys.argv[3])
params.cpuparams.n_threads = 2
params.model_alias = {sys.argv[4]}
params.use_jinja = True
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a running server, without `/v1`. It ends with the block, or when this process dies."""
    model = folder / "tiny.gguf"
    write_model(model)
    arguments = [str(model), str(WINDOW * SLOTS), str(SLOTS), MODEL]
    with (
        (folder / "llama.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-c", _SERVE, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            address = _read_address(process, folder / "llama.log")
            _wait_until_ready(address)
            yield address
        finally:
            process.kill()


def _read_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"listening "):
            return line.split()[1].decode()
    raise RuntimeError(f"the model server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + 60
    while httpx2.get(f"{address}/health", trust_env=False).status_code != httpx2.codes.OK:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the model server at {address} is not ready after a minute")
        time.sleep(0.02)
