# What the benchmarks share: the release build, a server to measure, and its end.
# Source it; needs bash. Everything stays on loopback.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
server_pid=

stop_server() {
    if [ -n "$server_pid" ]; then
        kill -TERM "$server_pid" 2>/dev/null || true
        wait "$server_pid" || true
        server_pid=
    fi
}
trap 'stop_server; rm -rf "$work"' EXIT

build() {
    "$root/dev" build >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
    cc -O2 -D_GNU_SOURCE -o "$work/load" "$root/bench/load.c"
}

# start_ferry CONFIG_TEXT: sets $address and $admin.
start_ferry() {
    printf '%s\n' "$1" >"$work/ferry.yaml"
    "$root/build/release/ferry" serve -c "$work/ferry.yaml" --listen 127.0.0.1:0 \
        --set admin.listen=127.0.0.1:0 --set state="$work/var" 2>"$work/ferry.log" &
    server_pid=$!
    wait_for_line "$work/ferry.log" 'msg=serving'
    address=$(sed -n 's/.*listener=public addr=//p' "$work/ferry.log")
    admin=$(sed -n 's/.*listener=admin addr=//p' "$work/ferry.log")
}

wait_for_line() {
    for _ in $(seq 200); do
        grep -q "$2" "$1" && return
        sleep 0.05
    done
    echo "the server did not start:" >&2
    cat "$1" >&2
    exit 1
}

machine() {
    printf 'machine: %s, %s cores, Linux %s, %s\n' \
        "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(uname -r)" \
        "$(date -u +%F)"
}
