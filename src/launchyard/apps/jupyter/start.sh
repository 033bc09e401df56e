# JupyterLab on a unix socket that its user alone can connect to: that is its authentication.
set -eu
umask 077
here="$LAUNCHYARD_SESSION_DIR"
export JUPYTER_RUNTIME_DIR="$here/runtime"
mkdir "$JUPYTER_RUNTIME_DIR"

kernel=python3
python="$LAUNCHYARD_VALUE_PYTHON"
if [ "$python" != managed ]; then
    if [ ! -x "$python" ]; then
        echo "There is no Python at $python; choose another in the form." >&2
        exit 1
    fi
    if ! "$python" -c 'import ipykernel' 2>/dev/null; then
        if [ -z "$LAUNCHYARD_VALUE_ADD_IPYKERNEL" ]; then
            echo "$python has no ipykernel, so it runs no notebooks." >&2
            echo "Install it: $python -m pip install ipykernel (or let the form do it)." >&2
            exit 1
        fi
        "$python" -m pip install --quiet ipykernel || uv pip install --quiet --python "$python" ipykernel
    fi
    kernel=chosen
    mkdir -p "$here/share/kernels/chosen"
    jupyter_python="$(dirname "$(command -v jupyter)")/python"
    "$jupyter_python" - "$python" "$here/share/kernels/chosen/kernel.json" <<'PYTHON'
import json, os, sys
python, file = sys.argv[1:]
name = os.path.basename(os.path.dirname(os.path.dirname(python))) or "python"
if name == ".venv":
    name = os.path.basename(os.path.dirname(os.path.dirname(os.path.dirname(python))))
spec = {
    "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": f"Python ({name})",
    "language": "python",
    "metadata": {"debugger": True},
}
with open(file, "w") as opened:
    json.dump(spec, opened)
PYTHON
    export JUPYTER_PATH="$here/share${JUPYTER_PATH:+:$JUPYTER_PATH}"
fi

# It would ask each person in each session whether it may fetch news.
mkdir -p "$here/config/labconfig"
cat > "$here/config/labconfig/page_config.json" <<CONFIG
{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}
CONFIG
export JUPYTER_CONFIG_PATH="$here/config${JUPYTER_CONFIG_PATH:+:$JUPYTER_CONFIG_PATH}"

cat > "$here/jupyter_config.py" <<CONFIG
import os
here = os.environ["LAUNCHYARD_SESSION_DIR"]
c = get_config()
c.ServerApp.sock = os.environ["LAUNCHYARD_SESSION_SOCKET"]
c.ServerApp.sock_mode = "0600"
c.ServerApp.base_url = os.environ["LAUNCHYARD_SESSION_PREFIX"] + "/"
c.ServerApp.root_dir = os.getcwd()
c.ServerApp.open_browser = False
c.ServerApp.allow_remote_access = True
c.ServerApp.allow_root = True
c.ServerApp.quit_button = False
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.MultiKernelManager.default_kernel_name = "$kernel"
c.LabApp.extra_labextensions_path = [os.environ["LAUNCHYARD_APP_DIR"] + "/labextensions"]
c.LabApp.workspaces_dir = os.path.join(here, "workspaces")
CONFIG
exec jupyter lab --config="$here/jupyter_config.py" --ServerApp.config_file_name=jupyter_server_config
