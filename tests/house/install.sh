#!/bin/bash
# libferry, installed: a C and a C++ program find it through CMake and through pkg-config, and run.
# Usage: install.sh BUILD-FOLDER CC CXX
set -euo pipefail

build=$1
cc=$2
cxx=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

fail() {
    echo "install: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$prefix" >"$work/log" || fail "$(cat "$work/log")"
pc=$(find "$prefix" -name ferry.pc)
libdir=${pc%/pkgconfig/ferry.pc}
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
version=$(pkg-config --modversion ferry)

# What it exports is what the headers promise, and nothing else.
nm -D --defined-only "$libdir/libferry.so" | awk '{print $3}' | sort >"$work/exported"
grep -v '^ferry_' "$work/exported" && fail "the library exports what is not its own"
readelf -d "$libdir/libferry.so" | grep -q "SONAME.*libferry.so.${version%%.*}\]" || fail "SONAME"

expect() { # expect WHAT COMMAND...: the command prints the version
    local what=$1 said
    shift
    said=$("$@") || fail "$what: does not run"
    [ "$said" = "$version" ] || fail "$what: says '$said', not '$version'"
}

# By pkg-config: shared as C and C++, and the archive with its private libraries.
read -ra flags < <(pkg-config --cflags --libs ferry)
read -ra archive < <(pkg-config --cflags --libs --static ferry | sed "s|-lferry|-l:libferry.a|")
"$cc" -std=c17 -Wall -Werror -o "$work/c" "$here/consumer/use.c" "${flags[@]}"
"$cxx" -std=c++17 -Wall -Werror -o "$work/cxx" "$here/consumer/use.cc" "${flags[@]}"
"$cc" -std=c17 -Wall -Werror -o "$work/archive" "$here/consumer/use.c" "${archive[@]}"
expect "pkg-config, C" "$work/c"
expect "pkg-config, C++" "$work/cxx"
expect "pkg-config, static" env -u LD_LIBRARY_PATH "$work/archive"

# The first program of the documentation, as it stands there.
awk '/^\140\140\140/ {inside = /c$/; next} inside' "$here/../../docs/library.md" >"$work/first.c"
"$cc" -std=c17 -Wall -Wextra -Wpedantic -Werror -o "$work/first" "$work/first.c" "${flags[@]}"
said=$("$work/first") || fail "the first program does not run"
[ "$said" = "six times seven: 42" ] || fail "the first program says '$said'"

# The pairs of programs of from-libuv.md: the same lines of both, in any order, where libuv is there.
page=$here/../../docs/from-libuv.md
awk -v "to=$work/pair" '/^```/ {n += /c$/; inside = /c$/; next} inside {print >(to n ".c")}' "$page"
read -ra libuv < <(pkg-config --cflags --libs libuv 2>/dev/null) || true
programs=0
for source in "$work"/pair*.c; do
    program=${source%.c}
    if ! grep -q '<uv\.h>' "$source"; then
        "$cc" -std=c17 -Wall -Wextra -Wpedantic -Werror -o "$program" "$source" "${flags[@]}" -pthread
    elif [ "${#libuv[@]}" -gt 0 ]; then
        "$cc" -std=gnu17 -Wall -Wextra -Werror -o "$program" "$source" "${libuv[@]}"
    else
        continue
    fi
    "$program" | sort >"$program.said" || fail "$(basename "$source") of from-libuv.md does not run"
    programs=$((programs + 1))
done
[ "$(cat "$work"/pair2.said)" = "$(printf '%s\n' 'first: 5 letters' 'second: cancelled' 'the loop is free')" ] ||
    fail "from-libuv.md: the work says '$(cat "$work"/pair2.said)'"
[ "$(cat "$work"/pair4.said)" = "$(printf 'number %d\n' 1 2 3)" ] ||
    fail "from-libuv.md: the thread says '$(cat "$work"/pair4.said)'"
for number in 1 3; do
    [ "$programs" -lt 4 ] || cmp "$work/pair$number.said" "$work/pair$((number + 1)).said" ||
        fail "from-libuv.md: the two programs say different things"
done

# The examples, in the way in which the documentation compiles a page.
documented=$(sed -n 's/^| pkg-config | `\(cc .*page\.c\) .*/\1/p' "$here/../../docs/library.md")
[ -n "$documented" ] || fail "library.md does not say how to compile"
read -ra options <<<"${documented#cc}"
unset "options[-1]" # page.c
read -ra headers < <(pkg-config --cflags ferry)
for example in "$here"/../../examples/*.c; do
    "$cc" "${options[@]}" -Wall -Wextra -Werror -fsyntax-only "$example" "${headers[@]}" ||
        fail "$(basename "$example") does not compile by the documentation"
done

# By CMake.
cmake -G Ninja -S "$here/consumer" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DVERSION="$version" \
    >"$work/log" 2>&1 || fail "$(cat "$work/log")"
cmake --build "$work/cmake" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
for program in use_c use_cxx use_static; do
    expect "find_package, $program" env -u LD_LIBRARY_PATH "$work/cmake/$program"
done

# A plug-in has the headers and nothing of the library; the installed program calls it.
plugin=$work/cmake/say.so
readelf -d "$plugin" | grep -q libferry && fail "a plug-in links with libferry"
if [ -x "$prefix/bin/ferry" ]; then
    printf '%s\n' "plugins: [$plugin]" 'routes: {/say: {worker: say}}' >"$work/plugin.yaml"
    said=$("$prefix/bin/ferry" call '/say?word=hello' -c "$work/plugin.yaml") ||
        fail "the program does not call the plug-in"
    [ "$said" = hello ] || fail "the plug-in says '$said'"
fi

# A package's install: everything below DESTDIR, and a config that is there stays as it is.
if [ -x "$prefix/bin/ferry" ]; then
    config=$prefix/etc/ferry/ferry.yaml
    [ -f "$config" ] || fail "no $config"
    echo '# mine' >"$config"
    cmake --install "$build" --prefix "$prefix" >/dev/null
    grep -qx '# mine' "$config" || fail "the config was overwritten"
    unit=$prefix/lib/systemd/system/ferry.service
    grep -qx KillMode=mixed "$unit" || fail "a drain ends the programs of exec at once"
    grep -qx OOMPolicy=continue "$unit" || fail "a program that takes too much memory ends the server"
    for path in "$prefix/bin/ferry serve" "$config"; do
        grep -q "^ExecStart=.*$path" "$unit" || fail "the unit does not start $path"
    done
    [ -f "$prefix/share/doc/ferry/docs/operating.md" ] || fail "no operating.md"
    /usr/bin/python3 "$here/links.py" "$prefix/share/doc/ferry" || fail "a document links to nothing"
    said=$("$prefix/bin/ferry" version) || fail "the program does not run"
    [[ $said == *"$version"* ]] || fail "the program says '$said', not $version"
fi
DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null
[ -f "$work/stage/usr/include/ferry/loop.h" ] || fail "DESTDIR is not honoured"
if [ -x "$prefix/bin/ferry" ]; then
    unit=$work/stage/usr/lib/systemd/system/ferry.service
    grep -qx "ExecStart=/usr/bin/ferry serve -c /etc/ferry/ferry.yaml" "$unit" || fail "$unit"
    [ -f "$work/stage/etc/ferry/ferry.yaml" ] || fail "a package's config is not below /etc"
fi
