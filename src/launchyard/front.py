"""What answers people: the application and its server.

A module of its own because to import it is the most of a start; the daemon does so when jobs go on already.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from launchyard.api.app import create_app
from launchyard.api.server import listen_tcp, listen_unix, serve
from launchyard.api.services import Services
from launchyard.config import Settings
from launchyard.starter import Starter
from launchyard.statedir import StateDir


async def answer_people(
    settings: Settings,
    state: StateDir,
    *,
    everyone: bool,
    facts_of: Callable[[socket.socket], dict[str, Any]],
    services: Callable[..., Services],
    tell: Starter,
    stop: asyncio.Event,
) -> None:
    """Listen, say so, and serve until `stop`. `everyone`: not just our own user may connect."""
    tcp = listen_tcp(settings.listen, explicit=settings.listen_explicit)
    unix = listen_unix(state.api_socket, everyone=everyone)
    facts = facts_of(tcp)
    state.facts.write_text(json.dumps(facts))
    app = create_app(services(status=lambda: facts))
    tell.ready(facts)
    await serve(app, [tcp, unix], stop)
