#!/usr/bin/env bash
# Starts the MLflow server on a cluster's head, unless it runs:
#   bash ~/hd2s-grid/grid/clusters/serve_mlflow.sh STORE_FOLDER
# It is a process of its own, which jobs come and go beside, and listens on loopback alone: it asks nobody for a
# password, so it is reached through SSH (`ray attach cluster.yaml -p 5000`) and by jobs, which run on the head.
set -euo pipefail

if (exec 3<>/dev/tcp/127.0.0.1/5000) 2>/dev/null; then
    exit 0
fi
mkdir -p "$1/artifacts"
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
setsid nohup mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
    --backend-store-uri "sqlite:///$1/mlflow.db" --artifacts-destination "$1/artifacts" \
    > "$HOME/mlflow.log" 2>&1 < /dev/null &
