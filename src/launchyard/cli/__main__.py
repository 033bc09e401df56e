"""`python -m launchyard.cli` is `ly`."""

import sys

from launchyard.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
