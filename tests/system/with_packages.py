"""The daemon beside further Debian packages, in a mount namespace: `python -m` this, with its arguments.

`LAUNCHYARD_TEST_PACKAGES` is the directory of their files, `LAUNCHYARD_TEST_FILES` what else lies below /.
All is gone with the namespace: packages may exclude one another, and the machine stays as it is.
"""

import os
import sys

SCRIPT = """
set -e
space=$(mktemp -d)
mount -t tmpfs none "$space"
for part in usr etc var; do
    mkdir "$space/$part" "$space/work-$part"
    mount -t overlay overlay -o "lowerdir=/$part,upperdir=$space/$part,workdir=$space/work-$part" "/$part"
done
dpkg -i "$LAUNCHYARD_TEST_PACKAGES"/*.deb
cp -r "$LAUNCHYARD_TEST_FILES"/. /
exec "$@"
"""

if __name__ == "__main__":
    daemon = [sys.executable, "-m", "launchyard.daemon", *sys.argv[1:]]
    os.execvp("unshare", ["unshare", "--mount", "bash", "-c", SCRIPT, "bash", *daemon])
