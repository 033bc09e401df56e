"""Takes as many MiB of memory as it is told to, bit by bit, and says how much it had at most."""

import sys
import time
from pathlib import Path

STEP_MIB = 10
held = []
for _ in range(int(sys.argv[1]) // STEP_MIB):
    held.append(b"\x01" * (STEP_MIB * 1024 * 1024))
    time.sleep(0.02)
time.sleep(1)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(f"peak {int(status['VmHWM'].split()[0]) / 1024:.1f} MiB")
