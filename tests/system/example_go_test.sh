#!/bin/sh
# clients/examples/subscribe.go, with the modules that are on the machine.
. "$(dirname "$0")/example_lib.sh"

command -v go >/dev/null || skip "no Go on this machine"
command -v protoc-gen-go >/dev/null || skip "no protoc-gen-go on this machine"
path=$(go env GOPATH)
export GO111MODULE=off GOPATH="$work/go:$path:/usr/share/gocode" GOCACHE="$work/cache" GOFLAGS=
for module in github.com/pebbe/zmq4 google.golang.org/protobuf/proto; do
    go list "$module" >/dev/null 2>&1 || skip "no Go package $module on this machine"
done
mkdir -p "$work/go/src/subscribe"
cp "$examples/subscribe.go" "$work/go/src/subscribe"
[ -z "$(gofmt -l "$examples/subscribe.go")" ] || fail "gofmt would lay it out otherwise"
protoc -I "$root/proto" --go_out="$work/go/src" --go_opt=Mnewswire.proto=subscribe/newswire newswire.proto ||
    fail "protoc"
(cd "$work/go/src/subscribe" && go vet . && go build -o "$work/subscribe" .) || fail "it does not build"
example() { exec "$work/subscribe" "$@"; }
follow_through_everything
