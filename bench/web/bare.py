"""A Starlette application that does nothing: `python -m bench.web.bare FOLDER` answers with the files of a folder.

Its uvicorn is set up as that of `palaver serve`. It prints its port.
"""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def main() -> None:
    bodies = {file.stem: file.read_bytes() for file in Path(sys.argv[1]).glob("*.json")}

    async def answer(request: Request) -> Response:
        await request.body()
        status = 201 if request.method == "POST" else 200
        return Response(bodies[request.path_params["name"]], status, media_type="application/json")

    app = Starlette(routes=[Route("/{name}", answer, methods=["GET", "POST"])])
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as at:
        sys.stdout.write(f"{at.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[at])


if __name__ == "__main__":
    main()
