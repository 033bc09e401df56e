"""Fetches one archive by http: a program of its own, since what it imports takes longer than most set-ups.

What to fetch comes as JSON on standard input, the bytes go to standard output, what became of it to standard
error: `digest`, `etag`, `last-modified`; `unchanged`; or `failed`.
"""

import hashlib
import http.client
import json
import os
import ssl
import sys
import urllib.error
import urllib.request

FETCH_MAX_BYTES = 4 << 30
SILENCE_MAX_S = 60
CUT_OFF = "the connection ended before all of it had come; try again"
_PIECE = 1 << 20


def main() -> None:
    asked = json.load(sys.stdin)
    sys.stderr.write(json.dumps(_fetched(asked["uri"], asked["known"])))
    sys.stderr.flush()
    os._exit(0)


def _fetched(uri: str, known: dict[str, str]) -> dict[str, str]:
    request = urllib.request.Request(uri, headers={"User-Agent": "launchyard"})
    if "etag" in known:
        request.add_header("If-None-Match", known["etag"])
    elif "last-modified" in known:
        request.add_header("If-Modified-Since", known["last-modified"])
    digest, size = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(request, timeout=SILENCE_MAX_S) as answer:
            while piece := answer.read(_PIECE):
                size += len(piece)
                if size > FETCH_MAX_BYTES:
                    return {"failed": f"it is larger than {FETCH_MAX_BYTES >> 30} GiB; leave something out"}
                digest.update(piece)
                _write(piece)
            # What was cut off in its head looks like one without a length, and is empty.
            if answer.length or not size:
                return {"failed": CUT_OFF}
            age = {name: answer.headers.get(name) for name in ("etag", "last-modified")}
            return {"digest": digest.hexdigest(), **{name: value for name, value in age.items() if value}}
    except urllib.error.HTTPError as error:
        return {"unchanged": "304"} if error.code == 304 else {"failed": f"{error.code} {error.reason}"}
    except http.client.IncompleteRead:
        return {"failed": CUT_OFF}
    except (OSError, ssl.SSLError, ValueError, http.client.HTTPException) as error:
        return {"failed": str(getattr(error, "reason", None) or error)}


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
