#!/usr/bin/env bash
# Installs what the project needs on a node, from the copy of its source in ~/hd2s-grid:
#   bash ~/hd2s-grid/grid/clusters/install.sh head|worker SHARED_FOLDER
# On Linux, pip's ordinary PyTorch is the one for NVIDIA GPUs. The head's versions are kept in the shared folder,
# and workers install the same ones, also those that the autoscaler starts weeks later: Ray refuses nodes of
# another version, and numbers should not depend on when a node was born. Delete the file to get newer ones.
set -euo pipefail

role=$1
versions=$2/hd2s-versions.txt
python=$HOME/hd2s-env/bin/python

test -x "$python" || "${PYTHON:-python3}" -m venv "$HOME/hd2s-env"
if [ "$role" = worker ] || [ -s "$versions" ]; then
    "$python" -m pip install --quiet --constraint "$versions" --editable "$HOME/hd2s-grid"
else
    "$python" -m pip install --quiet --editable "$HOME/hd2s-grid"
    "$python" -m pip freeze --exclude-editable > "$versions.partial"
    mv "$versions.partial" "$versions"
fi
