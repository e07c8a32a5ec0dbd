"""One system in a process of its own: `python -m bench.peers.worker MODULE FOLDER`.

It reads lines of JSON, `{"call": NAME, "arguments": {…}}`, and answers each with a line, `{"result": …}` or
`{"error": TEXT}`. Times are taken in here, so that the pipe costs nobody anything.
"""

import gc
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import IO

from bench.peers.base import Peer


def main() -> None:
    module, folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the systems print is not an answer
    Path(folder).mkdir(parents=True, exist_ok=True)
    peer: Peer = import_module(module).open_peer(Path(folder))
    gc.freeze()
    _answer(answers, {"result": "ready"})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _answer(answers, {"result": getattr(peer, asked["call"])(**asked["arguments"])})
        except Exception:  # noqa: BLE001  (told to whoever asked)
            _answer(answers, {"error": traceback.format_exc(limit=-4)})
    peer.close()


def _answer(answers: IO[str], value: object) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
