"""What the drop-in commands ask the server: tables by column, Slurm's settings, and plain requests."""

import os

from launchyard.model.light import Any
from launchyard.sdk.address import find
from launchyard.sdk.transport import Transport


class Server:
    """Everything is plain lists and dicts; what the server refuses is raised as `LaunchyardError`."""

    def __init__(self) -> None:
        self.transport = Transport(find())

    def get(self, path: str, **query: str | int | float | None) -> Any:
        return self.transport.json("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Any:
        return self.transport.json("POST", path, {} if body is None else body)

    def submit(self, body: dict[str, Any]) -> Any:
        """Queue a job; sent again when the server restarts meanwhile, it is queued once."""
        key = {"Idempotency-Key": os.urandom(16).hex()}
        return self.transport.json("POST", "/v1/jobs", body, headers=key)

    def table(self, name: str, columns: str, **query: str | int | float | None) -> list[list[Any]]:
        """The rows of a table (`jobs`, `nodes`, ...); each has the columns asked for, in that order."""
        answer = self.get(f"/v1/tables/{name}", columns=",".join(columns.split()), **query)
        rows: list[list[Any]] = answer["rows"]
        return rows
