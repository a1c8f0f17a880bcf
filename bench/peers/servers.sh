# Sourced by run: how each server is started, with a directory, a port and a configuration of its
# own, and stopped. server_start SYSTEM VARIANT DIRECTORY leaves the process in $server_pid.

server_pid='' helper_pid=''

# A port of loopback on which nobody listens.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
            echo "$port"
            return
        }
    done
    return 1
}

# server_wait PORT SECONDS LOG PID: until it listens; fails if it ends or takes longer.
server_wait() {
    local i
    for ((i = 0; i < $2 * 10; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        kill -0 "$4" 2>/dev/null || break
        sleep 0.1
    done
    echo "peers: the server does not listen; it says:" >&2
    tail -n 5 "$3" >&2
    return 1
}

# An append-only file that is never rewritten or dumped meanwhile.
start_redis() {
    redis-server --bind 127.0.0.1 --port "$port" --dir "$2" --save '' --appendonly yes \
        --appendfsync "$1" --auto-aof-rewrite-percentage 0 --daemonize no >"$2/log" 2>&1 &
    server_pid=$!
    server_wait "$port" 20 "$2/log" "$server_pid"
}

# File storage with the server's own interval of fsync (2 minutes).
start_nats() {
    printf 'listen: "127.0.0.1:%s"\njetstream { store_dir: "%s" }\n' "$port" "$2" >"$2/conf"
    nats-server -c "$2/conf" >"$2/log" 2>&1 &
    server_pid=$!
    server_wait "$port" 20 "$2/log" "$server_pid"
}

# A node without plugins, under another name than the system's own; epmd is its name service.
start_rabbitmq() {
    local epmd_port dist_port
    epmd_port=$(free_port) && dist_port=$(free_port) || return
    epmd -port "$epmd_port" -address 127.0.0.1 >/dev/null 2>&1 &
    helper_pid=$!
    server_wait "$epmd_port" 10 /dev/null "$helper_pid" || return
    echo '[].' >"$2/plugins"
    env HOME="$2" ERL_EPMD_PORT="$epmd_port" RABBITMQ_DIST_PORT="$dist_port" \
        RABBITMQ_NODENAME=godwit-peers@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
        RABBITMQ_NODE_PORT="$port" RABBITMQ_MNESIA_BASE="$2/data" RABBITMQ_LOG_BASE="$2/logs" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$2/plugins" RABBITMQ_CONFIG_FILE="$2/none" \
        RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_PID_FILE="$2/pid" \
        /usr/lib/rabbitmq/bin/rabbitmq-server >"$2/log" 2>&1 &
    server_pid=$!
    server_wait "$port" 90 "$2/log" "$server_pid" || return
    server_pid=$(<"$2/pid") # the node itself, not the script that started it
}

server_start() { # SYSTEM VARIANT DIRECTORY
    mkdir -p "$3"
    port=$(free_port) || return
    "start_$1" "$2" "$3"
}

# server_end PID: asks it to end, and makes it after ten seconds.
server_end() {
    local i
    [ -n "$1" ] && kill "$1" 2>/dev/null || return 0
    for ((i = 0; i < 100; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null
}

server_stop() {
    server_end "$server_pid"
    server_end "$helper_pid"
    wait 2>/dev/null
    server_pid='' helper_pid=''
}

# The seconds of CPU that the server has used: user and system, its ended children too.
server_cpu() {
    awk -v ticks="$(getconf CLK_TCK)" '
        { sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / ticks }' "/proc/$server_pid/stat"
}
