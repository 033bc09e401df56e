# RStudio Server for one user, on a unix socket in a directory that only this user can enter.
set -eu
umask 077
here="$LAUNCHYARD_SESSION_DIR"
rserver="$(command -v rserver || echo /usr/lib/rstudio-server/bin/rserver)"
if ! "$rserver" --help 2>&1 | grep -q www-socket; then
    echo "This RStudio Server cannot listen on a unix socket; version 2022.02 or later can." >&2
    exit 1
fi

mkdir "$here/data"
cat > "$here/database.conf" <<CONFIG
provider=sqlite
directory=$here/data
CONFIG
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$here/cookie-key"

set -- --server-daemonize=0 --server-user="$(id -un)" --auth-none=1 --www-verify-user-agent=0 \
    --www-socket="$LAUNCHYARD_SESSION_SOCKET" --www-root-path="$LAUNCHYARD_SESSION_PREFIX/" \
    --www-frame-origin=any --secure-cookie-key-file="$here/cookie-key" \
    --server-data-dir="$here/data" --database-config-file="$here/database.conf" \
    --rsession-which-r="${LAUNCHYARD_VALUE_R:-$(command -v R)}"
# Who it runs as cannot change users, so it says by USER who it is.
export USER="$(id -un)"
exec "$rserver" "$@"
