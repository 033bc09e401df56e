"""`python -m launchyard.sim`: see `command`. Quiet when Ctrl-C comes while it is being loaded, too."""

import sys

try:
    from launchyard.sim.command import main
except KeyboardInterrupt:
    raise SystemExit(130) from None

if __name__ == "__main__":
    sys.exit(main())
