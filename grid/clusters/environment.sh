# Sourced by every shell of a cluster's nodes, through ~/.bashrc: see install.sh.

export PATH="$HOME/hd2s-env/bin:$PATH"
# HD2S_STORAGE and HD2S_GRID_LOCAL, where cluster.yaml sets them.
test ! -f ~/hd2s-storage || . ~/hd2s-storage
# Whoever reaches Ray's ports may run programs on the nodes, so every call carries the token of whoever ran
# `ray up` (~/.ray/auth_token, made by `ray get-auth-token --generate`).
export RAY_AUTH_MODE=token
# A node that is gone is known to be dead after 12 seconds and its work is given to others after 18; with Ray's
# defaults, which are meant for thousands of nodes, after one minute and after seven.
export RAY_health_check_period_ms=1000
export RAY_health_check_timeout_ms=2000
export RAY_health_check_failure_threshold=3
export RAY_grpc_client_keepalive_time_ms=10000
export RAY_grpc_client_keepalive_timeout_ms=5000
export RAY_gcs_rpc_server_reconnect_timeout_s=10
export AUTOSCALER_HEARTBEAT_TIMEOUT_S=15
