#!/bin/sh
# The container's first process. It becomes ferry, which therefore gets the signals.
set -eu

# Only with a token may the admin port be reached from outside of the container.
if [ -n "${FERRY_ADMIN__TOKEN_FILE:-}" ]; then
    export FERRY_ADMIN__LISTEN="${FERRY_ADMIN__LISTEN:-0.0.0.0:8003}"
fi

exec ferry "$@"
