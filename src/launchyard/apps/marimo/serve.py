"""marimo on a unix socket. Run by the Python of the session's environment, not by ours.

marimo names a host and a port to its web server, which can also listen on a socket; so it is told that here.
"""

import os
import sys
from typing import Any

import uvicorn
from marimo._cli.cli import main as marimo  # type: ignore[import-not-found,unused-ignore]

_configure = uvicorn.Config.__init__


def _on_socket(config: uvicorn.Config, *arguments: Any, **named: Any) -> None:
    named["uds"] = os.environ["LAUNCHYARD_SESSION_SOCKET"]
    _configure(config, *arguments, **named)


def main() -> None:
    """Until it is ended."""
    uvicorn.Config.__init__ = _on_socket  # type: ignore[method-assign,assignment]
    notebook = os.environ["LAUNCHYARD_VALUE_NOTEBOOK"]
    prefix = os.environ["LAUNCHYARD_SESSION_PREFIX"]
    fixed = ["--headless", "--no-token", "--skip-update-check", "--base-url", prefix]
    sys.argv = ["marimo", "edit", *fixed, *([notebook] if notebook else [])]
    marimo()


if __name__ == "__main__":
    main()
