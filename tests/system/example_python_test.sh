#!/bin/sh
# clients/examples/subscribe.py
. "$(dirname "$0")/example_lib.sh"

/usr/bin/python3 -c 'import zmq, google.protobuf' 2>"$work/err" || skip "$(tail -n 1 "$work/err")"
protoc -I "$root/proto" --python_out="$work" newswire.proto || fail "protoc"
example() { PYTHONPATH=$work exec /usr/bin/python3 "$examples/subscribe.py" "$@"; }
follow_through_everything
