#!/usr/bin/env bash
# Installs what the project needs on a node, from the copy of its source in ~/hd2s-grid:
#   bash ~/hd2s-grid/grid/clusters/install.sh head|worker
# On Linux, pip's ordinary PyTorch is the one for NVIDIA GPUs. The head writes down its versions beside the source,
# which Ray copies from the head to every worker, and workers install the same ones, also those that are started
# weeks later: Ray refuses nodes of another version, and numbers should not depend on when a node was born. Delete
# the file on the head to get newer ones.
set -euo pipefail

versions=$HOME/hd2s-grid/versions.txt
python=$HOME/hd2s-env/bin/python

test -x "$python" || "${PYTHON:-python3}" -m venv "$HOME/hd2s-env"
if [ "$1" = worker ] || [ -s "$versions" ]; then
    "$python" -m pip install --quiet --constraint "$versions" --editable "$HOME/hd2s-grid"
else
    "$python" -m pip install --quiet --editable "$HOME/hd2s-grid"
    "$python" -m pip freeze --exclude-editable > "$versions.partial"
    mv "$versions.partial" "$versions"
fi
