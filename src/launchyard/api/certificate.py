"""TLS of our own: a certificate and its key, read again when somebody says so (SIGHUP)."""

import os
import ssl
import stat
from pathlib import Path

from launchyard.model.errors import Invalid


class Certificate:
    """`context` serves new connections with what was read last."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.read()

    def read(self) -> None:
        """Raises `Invalid`; then what was read before stays."""
        _refuse_known_to_others(self._key)
        try:
            # A pair that does not fit must not be left half loaded in the one that serves.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self._certificate, self._key, _no_password
            )
            self.context.load_cert_chain(self._certificate, self._key, _no_password)
        except FileNotFoundError:
            raise Invalid(f"there is no certificate {self._certificate}; name the file with it") from None
        except PermissionError:
            raise Invalid(
                f"the certificate {self._certificate} cannot be read by the server's user; run: "
                f"chmod a+r {self._certificate}"
            ) from None
        except (ssl.SSLError, OSError, ValueError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise Invalid(
                f"certificate {self._certificate} and key {self._key} cannot be used ({why}); "
                f"both are PEM, the certificate first in its chain"
            ) from None


def _no_password() -> str:
    raise ValueError("the key has a password; write it without one, mode 600")


def _refuse_known_to_others(key: Path) -> None:
    try:
        mode = key.stat().st_mode
        if not os.access(key, os.R_OK):
            raise PermissionError
    except FileNotFoundError:
        raise Invalid(f"there is no key {key}; name the file with the certificate's key") from None
    except PermissionError:
        raise Invalid(
            f"the key {key} cannot be read by the server's user; give it to that user: chown launchyard {key}"
        ) from None
    if mode & 0o027:
        raise Invalid(f"others may know the key {key} (mode {stat.S_IMODE(mode):o}); run: chmod 600 {key}")
