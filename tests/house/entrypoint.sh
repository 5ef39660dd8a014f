#!/bin/sh
# The container opens the admin port only with a token. Usage: entrypoint.sh REPOSITORY
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2016 # the stand-in expands them
printf '#!/bin/sh\necho "$FERRY_ADMIN__LISTEN $*"\n' >"$work/ferry"
chmod +x "$work/ferry"

expect() { # expect LINE ENVIRONMENT...: what the stand-in for ferry was started with
    line=$1
    shift
    said=$(env FERRY_ADMIN__LISTEN= "$@" PATH="$work:$PATH" "$entrypoint" serve -c file)
    if [ "$said" != "$line" ]; then
        echo "started with '$said' instead of '$line'"
        exit 1
    fi
}

entrypoint=$1/conf/docker-entrypoint.sh
expect ' serve -c file' FERRY_ADMIN__TOKEN_FILE=
expect '0.0.0.0:8003 serve -c file' FERRY_ADMIN__TOKEN_FILE=/run/secrets/token
expect '[::]:9 serve -c file' FERRY_ADMIN__TOKEN_FILE=/run/secrets/token 'FERRY_ADMIN__LISTEN=[::]:9'
