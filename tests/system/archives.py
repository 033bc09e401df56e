"""Archives and wheels that tests upload, made on the spot: no index and no network is asked for them."""

import hashlib
import io
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

from tests.system.product import Json, Product


def zipped(**files: str) -> bytes:
    """A zip of these files; two underscores in a name stand for a slash, one for a point."""
    return zipped_files({name.replace("__", "/").replace("_", "."): text for name, text in files.items()})


def zipped_files(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def tarred(*members: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    """A tar.gz of these members; files all have the same content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in members:
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def wheel(folder: Path, name: str, version: str, text: str) -> Path:
    """A wheel with one module `name` whose text is `text`, and a command `name-says`."""
    files = {
        f"{name}.py": text,
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{name}-{version}.dist-info/entry_points.txt": f"[console_scripts]\n{name}-says = {name}:main\n",
    }
    record = "".join(f"{path},{_hash(content)},{len(content)}\n" for path, content in files.items())
    files[f"{name}-{version}.dist-info/RECORD"] = f"{record}{name}-{version}.dist-info/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    path.write_bytes(zipped_files(files))
    return path


def uploaded(product: Product, archive: bytes, ending: str = "zip") -> str:
    """The URI of an archive that was uploaded as our own client does."""
    name = f"{hashlib.sha256(archive).hexdigest()}.{ending}"
    put(product, f"/v1/packages/{name}", archive)
    return f"package://{name}"


def put(product: Product, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """(status, answer)"""
    connection = product.client()._connection
    connection.request("PUT", path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def ran(product: Product, command: str, **runtime_env: object) -> Json:
    """The job after its end, its output in `out`."""
    job_id = product.submit(command, runtime_env=runtime_env)
    job = product.until(job_id, "COMPLETED", "FAILED", "CANCELLED")
    return {**job, "out": product.log(job_id).decode()}


def _hash(text: str) -> str:
    return f"sha256={urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')}"
