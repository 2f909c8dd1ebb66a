#!/bin/sh
# clients/examples/subscribe.mjs, with its packages from the npm registry.
. "$(dirname "$0")/example_lib.sh"

command -v npm >/dev/null || skip "no npm on this machine"
node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' || skip "Node.js is older than 18"
cp "$examples/subscribe.mjs" "$work"
(cd "$work" && npm install --no-audit --no-fund --no-save zeromq@6 protobufjs@7) >"$work/npm.log" 2>&1 ||
    skip "npm can't get zeromq and protobufjs: $(tail -n 1 "$work/npm.log")"
example() { exec node "$work/subscribe.mjs" "$root/proto/newswire.proto" "$@"; }
follow_through_everything
