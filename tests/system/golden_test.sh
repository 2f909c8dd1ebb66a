#!/bin/sh
# Each fixture of a format, read and written in every format, is what it was:
# tests/fixtures/golden/NAME.FORMAT. WRITE_GOLDEN=1 writes them anew, to be looked
# over before they are committed.
. "$(dirname "$0")/lib.sh"

golden=$root/tests/fixtures/golden
n=0
for file in "$root"/tests/fixtures/formats/* "$root"/packaging/demo/*.txt; do
    name=$(basename "$file")
    for format in text json ninjs ninjs@2.2 ninjs@1.3 newsml-g2 nitf; do
        "$bin/newswire-submit" --parse-only --output "$format" "$file" >"$work/out" 2>"$work/err" ||
            fail "$name as $format: $(cat "$work/err")"
        if [ -n "${WRITE_GOLDEN:-}" ]; then
            mkdir -p "$golden"
            cp "$work/out" "$golden/$name.$format"
        fi
        cmp -s "$work/out" "$golden/$name.$format" ||
            fail "$name as $format: $(diff "$golden/$name.$format" "$work/out" | head -c 2000)"
        n=$((n + 1))
    done
done
echo "conformance, golden outputs: $n the same"
