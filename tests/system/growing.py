"""Lines with the time in them, into FIFOs that jobs print from: `FOLDER COUNT RATE SECONDS`.

Says `ready` once a job reads each of the FIFOs 1 to COUNT, begins when it is told a line, and lets go at the
end, so that the jobs end. The time is the machine's monotonic one, in nanoseconds.
"""

import os
import sys
import time
from pathlib import Path

BEGUN = b"begun\n"
FILLER = b"x" * 80


def main() -> None:
    folder, count, rate, seconds = Path(sys.argv[1]), *map(int, sys.argv[2:])
    fifos = [os.open(folder / str(number), os.O_WRONLY) for number in range(1, count + 1)]
    for fifo in fifos:
        os.write(fifo, BEGUN)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    for number in range(rate * seconds):
        for place, fifo in enumerate(fifos):
            early_s = began + (number + place / count) / rate - time.monotonic()
            if early_s > 0.001:
                time.sleep(early_s)
            os.write(fifo, b"%d %d %s\n" % (number, time.monotonic_ns(), FILLER))


if __name__ == "__main__":
    main()
