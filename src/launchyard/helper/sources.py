"""Where the files of a runtime environment come from: uploaded packages, this machine, the network.

What was fetched is known by its content. An address is asked again for each job, with what it said last time
of its age, so that an unchanged archive is not sent again and a changed one is noticed.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from launchyard.helper.shelf import SetupFailed
from launchyard.launcher.messages import package_argv

_PIECE = 1 << 20
_FOR_HTTP = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "home")
_FETCHERS = {
    "s3": (["aws", "s3", "cp", "--only-show-errors"], ["s5cmd", "cp"]),
    "gs": (["gcloud", "storage", "cp"], ["gsutil", "-q", "cp"]),
}


class Source(NamedTuple):
    """An archive by its content. `fd` None: it is not at hand, but what was unpacked of it before may be."""

    digest: str
    name: str
    fd: int | None

    def open(self) -> IO[bytes]:
        """From its beginning. Raises `SetupFailed` where only the unpacked could have been used."""
        if self.fd is None:
            raise SetupFailed(f"{self.name} was fetched before and what was kept of it is gone; submit again")
        os.lseek(self.fd, 0, os.SEEK_SET)
        return os.fdopen(os.dup(self.fd), "rb")


class Sources:
    """`given` are the uploaded packages by URI: digest and descriptor."""

    def __init__(self, path: str, given: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]) -> None:
        self._path = path
        self._given = given
        self._environ = environ
        os.makedirs(path, mode=0o700, exist_ok=True)

    @contextmanager
    def of(self, uri: str, *, again: bool) -> Iterator[Source]:
        """The archive; `again`: a look at it was had for this job already."""
        protocol, _, rest = uri.partition("://")
        name = rest.partition("?")[0].rpartition("/")[2]
        if protocol in ("gcs", "package"):
            one = self._given.get(uri)
            if one is None:
                raise SetupFailed(f"the package {uri} does not exist; upload it again and submit again")
            yield Source(digest=one["digest"], name=name, fd=one["fd"])
        elif protocol == "file":
            with _local(f"/{rest.lstrip('/')}") as source:
                yield source
        else:
            with self._fetched(uri, protocol, name, again=again) as source:
                yield source

    @contextmanager
    def _fetched(self, uri: str, protocol: str, name: str, *, again: bool) -> Iterator[Source]:
        record = os.path.join(self._path, hashlib.sha256(uri.encode()).hexdigest())
        known: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError), open(record) as file:
            known = json.load(file)
        if again and "digest" in known:
            yield Source(digest=known["digest"], name=name, fd=None)
            return
        with tempfile.TemporaryFile(dir=self._path) as file:
            found = self._fetch(uri, protocol, known, file)
            if found is None:
                yield Source(digest=known["digest"], name=name, fd=None)
                return
            with open(record, "w") as kept:
                json.dump(found, kept)
            yield Source(digest=found["digest"], name=name, fd=file.fileno())

    def _fetch(
        self, uri: str, protocol: str, known: Mapping[str, str], file: IO[bytes]
    ) -> dict[str, str] | None:
        if protocol in _FETCHERS:
            return _by_program(uri, protocol, self._path, file, self._environ)
        return _by_http(uri, known, file, self._environ)

    def forget(self, uri: str) -> None:
        """What was unpacked of it is gone, so it must be sent in full."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._path, hashlib.sha256(uri.encode()).hexdigest()))


@contextmanager
def _local(path: str) -> Iterator[Source]:
    """A file of this machine, known by what a change of it changes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SetupFailed(f"{path} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        text = (
            f"{path}\0{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        )
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        yield Source(digest=digest, name=path.rpartition("/")[2], fd=fd)
    finally:
        os.close(fd)


def _by_http(
    uri: str, known: Mapping[str, str], file: IO[bytes], environ: Mapping[str, str]
) -> dict[str, str] | None:
    """What was fetched; None: it is what it was."""
    done = subprocess.run(
        package_argv("launchyard.helper.fetching"),
        input=json.dumps({"uri": uri, "known": dict(known)}).encode(),
        env={name: value for name, value in environ.items() if name.lower() in _FOR_HTTP},
        stdout=file,
        stderr=subprocess.PIPE,
        check=False,
    )
    try:
        said: dict[str, str] = json.loads(done.stderr)
    except ValueError:
        said = {"failed": done.stderr.decode(errors="replace").strip()[-500:] or "it ended too soon"}
    if "failed" in said:
        raise SetupFailed(f"{uri} cannot be fetched: {said['failed']}")
    return None if "unchanged" in said else said


def _by_program(
    uri: str, protocol: str, folder: str, file: IO[bytes], environ: Mapping[str, str]
) -> dict[str, str]:
    """By a program of the site's, with the user's own credentials."""
    known = _FETCHERS[protocol]
    found = [words for words in known if shutil.which(words[0], path=environ.get("PATH"))]
    if not found:
        names = " or ".join(words[0] for words in known)
        raise SetupFailed(
            f"{uri} needs {names} on this machine, and none is there; use https:// or upload it"
        )
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        target = os.path.join(fresh, "archive")
        done = subprocess.run(
            [*found[0], uri, target],
            env=dict(environ),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode or not os.path.isfile(target):
            why = done.stderr.decode(errors="replace").strip()[-500:]
            raise SetupFailed(f"{uri} cannot be fetched: {why or f'{found[0][0]} said nothing'}")
        digest = hashlib.sha256()
        with open(target, "rb") as read:
            while piece := read.read(_PIECE):
                digest.update(piece)
                file.write(piece)
    file.flush()
    return {"digest": digest.hexdigest()}
