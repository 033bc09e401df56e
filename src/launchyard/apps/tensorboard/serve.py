"""TensorBoard on a unix socket. Run by the Python of the session's environment, not by ours."""

import os
from typing import Any

from tensorboard import default, program  # type: ignore[import-not-found,unused-ignore]
from werkzeug.serving import make_server  # type: ignore[import-not-found,unused-ignore]


class Served:
    """What TensorBoard asks of its server."""

    def __init__(self, app: Any, flags: Any) -> None:
        self._server = make_server(f"unix://{os.environ['LAUNCHYARD_SESSION_SOCKET']}", 0, app, threaded=True)

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def get_url(self) -> str:
        # It writes down a port for other commands of its own.
        return f"http://localhost:1{os.environ['LAUNCHYARD_SESSION_PREFIX']}/"

    def print_serving_message(self) -> None:
        print(f"TensorBoard serves {os.environ['LAUNCHYARD_VALUE_FOLDER']}", flush=True)


def main() -> None:
    """Until it is ended."""
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=Served)
    folder, prefix = os.environ["LAUNCHYARD_VALUE_FOLDER"], os.environ["LAUNCHYARD_SESSION_PREFIX"]
    board.configure(["tensorboard", "--logdir", folder, "--path_prefix", prefix])
    board.main()


if __name__ == "__main__":
    main()
