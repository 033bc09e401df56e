# marimo on a unix socket in a directory that only its user can enter: that is its authentication.
set -eu
umask 077
exec python "$LAUNCHYARD_APP_DIR/serve.py"
