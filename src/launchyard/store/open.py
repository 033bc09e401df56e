"""The one door to a store; adapters are imported only when they are asked for."""

from pathlib import Path

from launchyard.model.errors import Invalid
from launchyard.store.protocol import Store

MEMORY = "memory:"


def open_store(url_or_path: str | Path, *, busy_timeout_s: float = 5.0) -> Store:
    """`memory:`, or the path of an SQLite database (also as `sqlite:///PATH`), made when it is not there.

    Raises `StoreDamaged`, `SchemaTooNew`, `StoreBusy` or `Invalid`. A process opens a database
    once: closing a second handle on the same file would drop the locks of the first.
    """
    # ruff: noqa: PLC0415
    text = str(url_or_path)
    if text == MEMORY:
        from launchyard.store.memory import MemoryStore

        return MemoryStore()
    scheme, separator, rest = text.partition("://")
    if separator and scheme != "sqlite":
        raise Invalid(
            f"the database {scheme}://... is of a kind not known here; name a file or sqlite:///PATH"
        )
    from launchyard.store.sqlite import open_sqlite

    return open_sqlite(Path(rest.removeprefix("/") if separator else text), busy_timeout_s=busy_timeout_s)
