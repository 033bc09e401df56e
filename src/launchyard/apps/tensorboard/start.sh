# TensorBoard has no password, so it is served on a unix socket that its user alone can connect to.
set -eu
umask 077
if [ ! -d "$LAUNCHYARD_VALUE_FOLDER" ]; then
    echo "There is no folder $LAUNCHYARD_VALUE_FOLDER; choose another in the form." >&2
    exit 1
fi
exec python "$LAUNCHYARD_APP_DIR/serve.py"
