"""The wire of one node of the lab, worse than any of this machine: late, lossy, or deaf in one direction.

A program of its own, since it works in a namespace that has no address: `pass NEAR FAR HOW` hands the
frames of either device to the other, `offload DEVICE on|off` says whether a device leaves checksums to
others, and nobody adds them here. Only the standard library, and no tc: not every kernel has its queues.
"""

import ctypes
import fcntl
import heapq
import itertools
import json
import random
import select
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass

EVERY_PROTOCOL = 0x0003
OUTGOING = 4
"""Packets that we send ourselves are heard too."""
FRAME_BYTES = 1 << 16
SEND_CHECKSUMS = 0x17
ETHTOOL = 0x8946
READY = b"ready\n"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """`late_s` and `loss` are of each frame both ways; `mute`: what `node` or `rest` say is lost."""

    late_s: float = 0.0
    loss: float = 0.0
    mute: str = ""

    def told(self) -> str:
        return json.dumps(asdict(self))


def pass_on(near: str, far: str, how: Bad) -> None:
    """Until we are killed. `near` leads to the node, `far` to the rest."""
    node, rest = _listen(near), _listen(far)
    chance, numbers = random.Random(7), itertools.count()
    waiting: list[tuple[float, int, socket.socket, bytes]] = []
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    while True:
        wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for heard in select.select([node, rest], [], [], wait_s)[0]:
            frame, (_, _, kind, *_) = heard.recvfrom(FRAME_BYTES)
            is_mute = how.mute == ("node" if heard is node else "rest")
            if kind != OUTGOING and not is_mute and chance.random() >= how.loss:
                due = time.monotonic() + how.late_s
                heapq.heappush(waiting, (due, next(numbers), rest if heard is node else node, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, target, frame = heapq.heappop(waiting)
            target.send(frame)


def offload(device: str, *, on: bool) -> None:
    wanted = ctypes.create_string_buffer(struct.pack("II", SEND_CHECKSUMS, on))
    asked = struct.pack("16sP", device.encode(), ctypes.addressof(wanted))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, ETHTOOL, asked)


def _listen(device: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    made.bind((device, 0))
    return made


if __name__ == "__main__":
    if sys.argv[1] == "pass":
        pass_on(sys.argv[2], sys.argv[3], Bad(**json.loads(sys.argv[4])))
    else:
        offload(sys.argv[2], on=sys.argv[3] == "on")
