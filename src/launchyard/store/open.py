"""The one door to a store; adapters are imported only when they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from launchyard.model.errors import Invalid
from launchyard.store import archive
from launchyard.store.protocol import Store

MEMORY = "memory:"
POSTGRESQL = ("postgresql", "postgres")
_NO_DRIVER = (
    "PostgreSQL needs a package that is not installed here; run: pip install 'launchyard[postgresql]'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who works with a database that several servers reach.

    `holder` is this server, which need not wait for itself; `fenced` is called in another thread when another
    server took over; copies made before an upgrade go to `backups`, or nowhere.
    """

    holder: str = field(default_factory=lambda: token_hex(16))
    password: str | None = field(default=None, repr=False)
    fenced: Callable[[], None] = lambda: None
    backups: Path | None = None


def open_store(
    url_or_path: str | Path, *, busy_timeout_s: float = 5.0, tenant: Tenant | None = None
) -> Store:
    """`memory:`, the path of an SQLite database (also as `sqlite:///PATH`), made when it is not there, or
    `postgresql://USER@HOST/DATABASE`.

    Raises `StoreDamaged`, `SchemaTooNew`, `StoreBusy`, `Held` or `Invalid`. A process opens an SQLite
    database once: closing a second handle on the same file would drop the locks of the first.
    """
    text = str(url_or_path)
    if text == MEMORY:
        return cast(Store, _adapter("memory").MemoryStore())
    scheme, separator, rest = text.partition("://")
    if is_postgresql(text):
        opened = _adapter("postgres").open_postgres(text, tenant or Tenant(), busy_timeout_s=busy_timeout_s)
        return cast(Store, opened)
    if separator and scheme != "sqlite":
        raise Invalid(
            f"the database {scheme}://... is of a kind not known here; name a file, sqlite:///PATH or "
            "postgresql://USER@HOST/DATABASE"
        )
    path = Path(rest.removeprefix("/") if separator else text)
    return cast(Store, _adapter("sqlite").open_sqlite(path, busy_timeout_s=busy_timeout_s))


def is_postgresql(url_or_path: str | Path) -> bool:
    return str(url_or_path).partition("://")[0] in POSTGRESQL and "://" in str(url_or_path)


def back_up(url_or_path: str | Path, path: Path, *, password: str | None = None) -> None:
    """One moment of the database into an empty file, while a server works with it."""
    text = str(url_or_path)
    if is_postgresql(text):
        _adapter("postgres").back_up(text, password, path)
    else:
        archive.copy_file(Path(text), path)


def _adapter(name: str) -> Any:
    try:
        return import_module(f"launchyard.store.{name}")
    except ModuleNotFoundError as error:
        if error.name == "psycopg":
            raise Invalid(_NO_DRIVER) from None
        raise
