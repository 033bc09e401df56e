"""The address of a database, as people write and see it."""

from urllib.parse import urlsplit

from launchyard.model.errors import Invalid


def checked_database(url: str) -> str:
    """`postgresql://USER@HOST/DATABASE`. Raises `Invalid`, without the password that may be in it."""
    parts = urlsplit(url)
    if parts.password is not None or "password=" in parts.query:
        raise Invalid(
            "a password in the address would be seen by whoever sees the address; put it into a file of "
            "mode 0600 and name that in database_password_file"
        )
    if parts.scheme not in ("postgresql", "postgres"):
        raise Invalid(
            "the address of a database is written postgresql://USER@HOST/DATABASE; leave it out for a file "
            "in the state directory"
        )
    return url


def shown(url: str) -> str:
    """Which database it is, and where."""
    parts = urlsplit(url)
    return f"{parts.path.strip('/') or 'launchyard'} on {parts.hostname or 'this machine'}"
