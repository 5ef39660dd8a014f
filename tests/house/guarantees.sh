#!/bin/bash
# docs/guarantees.md names a test for each promise, docs/robustness.md for each pitfall: they must be
# there. Usage: guarantees.sh REPOSITORY
set -euo pipefail
cd "$1"

readonly tick=$'\x60'
readonly named="${tick}[a-z_]+\.(c|py): [a-z_0-9]+${tick}" # FILE: NAME, as code

failed=0
count=0
while IFS=: read -r file name; do
    name=${name# }
    count=$((count + 1))
    path=$(find tests -name "$file" -print -quit)
    if [ -z "$path" ] || ! grep -qE "(def|int|void) $name\(" "$path"; then
        printf 'docs: there is no test %s in %s\n' "$name" "$file"
        failed=1
    fi
done < <(grep -ohE "$named" docs/guarantees.md docs/robustness.md | tr -d "$tick")

while IFS= read -r row; do
    printf 'docs/guarantees.md: a promise without a test: %s\n' "$row"
    failed=1
done < <(grep '^| ' docs/guarantees.md | grep -vE "^\| promise|$named" || true)

[ "$count" -gt 0 ] || failed=1
exit "$failed"
