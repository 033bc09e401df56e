"""The app of a session: tells what it is asked, and answers with whatever headers it is asked for.

Run by its user's own Python: what it needs beside that is found below the folder that is its argument.
"""

import asyncio
import os
import sys
import urllib.parse

sys.path.insert(0, sys.argv[1])

from aiohttp import WSMsgType, web

ASKED: list[dict[str, object]] = []
RUNNERS: list[web.AppRunner] = []
TASKS: list[asyncio.Task[None]] = []


async def tell(request: web.Request) -> web.StreamResponse:
    """`?header=Name:value`, any number of times, is put to the answer; `?asked` tells of all before."""
    found = urllib.parse.parse_qs(request.query_string, keep_blank_values=True)
    told = {
        "uid": os.getuid(),
        "method": request.method,
        "target": request.raw_path,
        "headers": [[name.lower(), value] for name, value in request.headers.items()],
        "launch": os.environ["LAUNCHYARD_LAUNCH_ID"],
        "socket": os.environ["LAUNCHYARD_SESSION_SOCKET"],
        "port": os.environ.get("LAUNCHYARD_SESSION_PORT"),
        "body": (await request.read()).decode("latin-1"),
    }
    if "asked" in found:
        return web.json_response(ASKED)
    if "leave" in found:
        # Nothing of it listens or is connected from now on, and the session goes on.
        asyncio.get_running_loop().call_soon(lambda: TASKS.append(asyncio.create_task(RUNNERS[0].cleanup())))
        return web.Response()
    ASKED.append(told)
    answer = web.json_response(told)
    for one in found.get("header", []):
        name, _, value = one.partition(":")
        answer.headers.add(name, value)
    return answer


async def echo(request: web.Request) -> web.WebSocketResponse:
    made = web.WebSocketResponse()
    await made.prepare(request)
    async for message in made:
        if message.type is WSMsgType.TEXT:
            await made.send_str(message.data.upper())
    return made


async def serve() -> None:
    app = web.Application(client_max_size=2**20)
    app.router.add_get(os.environ["LAUNCHYARD_SESSION_PREFIX"] + "/ws", echo)
    app.router.add_route("*", "/{tail:.*}", tell)
    runner = web.AppRunner(app)
    RUNNERS.append(runner)
    await runner.setup()
    if port := os.environ.get("LAUNCHYARD_SESSION_PORT"):
        await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    else:
        await web.UnixSite(runner, os.environ["LAUNCHYARD_SESSION_SOCKET"]).start()
    await asyncio.Event().wait()


os.umask(0o077)
asyncio.run(serve())
