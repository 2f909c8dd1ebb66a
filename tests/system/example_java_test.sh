#!/bin/sh
# clients/examples/Subscribe.java. JEROMQ and PROTOBUF_JAVA name the jars, if they
# are not where Debian has them.
. "$(dirname "$0")/example_lib.sh"

command -v javac >/dev/null || skip "no Java compiler on this machine"
jeromq=${JEROMQ:-/usr/share/java/jeromq.jar}
protobuf=${PROTOBUF_JAVA:-/usr/share/java/protobuf.jar}
[ -f "$jeromq" ] || skip "no JeroMQ on this machine: $jeromq"
[ -f "$protobuf" ] || skip "no protobuf-java on this machine: $protobuf"
unzip -l "$jeromq" | grep -q org/zeromq/SocketType.class || skip "JeroMQ is older than 0.6: $jeromq"
protoc -I "$root/proto" --java_out="$work" newswire.proto || fail "protoc"
javac -Xlint:all,-serial -d "$work/classes" -cp "$jeromq:$protobuf" "$examples/Subscribe.java" \
    "$work/newswire/v1/Newswire.java" 2>"$work/javac.log" || fail "$(cat "$work/javac.log")"
example() { exec java -cp "$jeromq:$protobuf:$work/classes" Subscribe "$@"; }
follow_through_everything
