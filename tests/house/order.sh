#!/bin/bash
# The order of the house, as far as the compiler does not see to it. Usage: order.sh REPOSITORY
set -euo pipefail
cd "$1"

failed=0
report() { # report RULE FINDINGS: findings are lines; none is fine
    [ -z "$2" ] && return
    failed=1
    printf '%s:\n%s\n' "$1" "$2"
}

sources() { # the paths of all sources below the folders that are there
    local folder folders=()
    for folder in "$@"; do
        [ -d "$folder" ] && folders+=("$folder")
    done
    find "${folders[@]}" -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -name '*.js' \
        -o -name '*.css' -o -name '*.html' | sort
}

includes() { # includes REGEX PATHS...: who includes what matches
    local regex=$1
    shift
    grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<]$regex" "$@" || true
}

mapfile -t all < <(sources include src workers tests bench examples)
mapfile -t ours < <(sources include src workers)

too_long() { # too_long LINES PATHS...
    local limit=$1
    shift
    wc -l "$@" | awk -v limit="$limit" '$2 != "total" && $1 > limit {print "  " $2 ": " $1}'
}

report 'longer than 500 lines' "$(too_long 500 "${all[@]}")"
report 'a public header longer than 250 lines' "$(too_long 250 include/ferry/*.h)"
report 'includes by a path that climbs' "$(includes '\.\./' "${all[@]}")"
report 'two headers of one name (floors share an include path)' \
    "$(find src workers -name '*.h' -printf '  %f\n' | sort | uniq -d)"

# They share a buffer between threads, or write past the end of one.
banned='strtok|localtime|gmtime|asctime|ctime|rand|srand|setenv|putenv|readdir_r'
banned+='|gets|strcpy|strcat|sprintf|vsprintf|alloca'
report 'banned functions' "$(grep -HnE "(^|[^A-Za-z0-9_])($banned)\(" "${ours[@]}" || true)"

# A plug-in may set a locale, where 0.5 is 0,5 and an I is no i: base/ascii.h has these without one.
local_ones='strtod|strtof|strtold|atof|strcasecmp|strncasecmp|strcasestr|strcoll|strxfrm'
local_ones+='|tolower|toupper|isalpha|isalnum|isblank|iscntrl|isgraph|islower|isprint|ispunct'
local_ones+='|isspace|isupper'
report 'functions that depend on the locale' \
    "$(grep -HnE "(^|[^A-Za-z0-9_])($local_ones)\(" "${ours[@]}" || true)"
local_formats='%[-+ #0-9.*]*l?[aefgAEFG]([^a-z0-9]|$)'
report 'a fraction printed with the point of a locale (base/ascii.h has ascii_printf)' \
    "$(grep -HnE "printf\(.*$local_formats" "${ours[@]}" | grep -v ascii_printf || true)"

# One floor knows each foreign library.
border() { # border LIBRARY REGEX ALLOWED-PATH-REGEX
    local paths
    paths=$(printf '%s\n' "${ours[@]}" | grep -vE "$3")
    # shellcheck disable=SC2086 # the paths of this repository have no spaces
    report "$1 is included outside of its place" "$(includes "$2" $paths)"
}
border libevent 'event2/' '^src/(loop|net|http)/'
border OpenSSL '(openssl/|libcrypto\.h|libssl\.h)' \
    '^(src/base/(libcrypto|certificate_file)\.|src/net/|src/server/(digest|fingerprint)\.|workers/hmac\.c)'
border libcrypt 'crypt\.h' '^src/server/passwords\.c'
border SQLite 'sqlite3' '^(src/jobs/|workers/)'
border libfyaml 'libfyaml' '^src/config/'
border libcurl '(curl/|libcurl\.h)' '^(src/base/libcurl\.|workers/|src/http/|src/cli/admin_client\.c)'

exit "$failed"
