"""`ADDRESS PYTHON`: join a Ray cluster with one node of the job, as a task of its step, until told to end."""

import os
import signal
import sys
from typing import NoReturn

from launchyard.raycluster.head import ENDS, READY, free_bytes, ray_start
from launchyard.raycluster.installed import Installed, NotStarted
from launchyard.raycluster.shares import share_of, words_of


def main() -> NoReturn:
    address, python = sys.argv[1:3]
    words = [
        f"--address={address}",
        "--dashboard-agent-listen-port=0",
        "--dashboard-agent-grpc-port=0",
        "--min-worker-port=0",
        "--max-worker-port=0",
        *words_of(share_of(os.environ), free_bytes()),
    ]
    try:
        ray_start(Installed(python, "", "", False), words, os.environ)
    except (NotStarted, OSError) as error:
        print(f"launchyard: {error}", file=sys.stderr)
        sys.exit(1)
    # Blocked before it is told that we are up, so that an end that follows at once is not missed.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    print(READY, flush=True)
    signal.sigwait(ENDS)
    # What Ray started here is ended by the runner of the step.
    os._exit(0)


if __name__ == "__main__":
    main()
