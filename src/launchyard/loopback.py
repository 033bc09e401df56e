"""Whose program is at the other end of a TCP connection within this machine, by the kernel's table.

A socket that nobody holds any more is listed with uid 0, so only a connection that both ends hold counts.
"""

import ipaddress
import sys
from pathlib import Path

ESTABLISHED = "01"

Address = tuple[str, int]


def peer_uid(client: Address | None, server: Address | None, tables: Path = Path("/proc/net")) -> int | None:
    """The uid that holds the socket at `client`; None where the connection leaves this machine."""
    if client is None or server is None:
        return None
    here, there = ipaddress.ip_address(client[0]), ipaddress.ip_address(server[0])
    if not (here.is_loopback and there.is_loopback):
        return None
    found = [*_uids(tables, here.version, client, server)]
    if here.version == 4:
        # The client's socket may be one for both versions, which the kernel lists with those of version 6.
        found += _uids(tables, 6, *((f"::ffff:{host}", port) for host, port in (client, server)))
    return found[0] if len(found) == 1 else None


def _uids(tables: Path, version: int, client: Address, server: Address) -> list[int]:
    wanted = [_shown(client), _shown(server), ESTABLISHED]
    try:
        listed = (tables / ("tcp" if version == 4 else "tcp6")).read_text()
    except FileNotFoundError:
        if version == 4:
            raise
        return []
    return [int(fields[7]) for line in listed.splitlines()[1:] if (fields := line.split())[1:4] == wanted]


def _shown(address: Address) -> str:
    """As the kernel lists it: words of four bytes in the machine's order, then the port."""
    packed = ipaddress.ip_address(address[0]).packed
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    ordered = [word[::-1] if sys.byteorder == "little" else word for word in words]
    return f"{b''.join(ordered).hex().upper()}:{address[1]:04X}"
