#!/bin/sh
# The units: systemd finds no mistake in them, and what each service is exposed to is at
# most 1.5 by systemd-analyze security; the user that they need is made.
. "$(dirname "$0")/lib.sh"

[ -d "$root/packaging/systemd" ] || fail "there are no units"
command -v systemd-analyze >/dev/null || skip "systemd-analyze is missing: it comes with systemd"

step "the units as they are installed"
tree=$work/tree
mkdir -p "$tree/bin" "$tree/sbin" "$work/units"
ln -s "$bin"/newswire* "$tree/bin/"
ln -s "$bin/newswired" "$tree/sbin/"
for unit in "$root"/packaging/systemd/*.in; do
    name=$(basename "$unit" .in)
    sed "s|@PREFIX@|$tree|" "$unit" >"$work/units/$name"
    ! grep -n "@[A-Z]*@" "$work/units/$name" || fail "$name has a placeholder"
done
# Instances are of a name.
for name in newswire-archive newswire-forward; do
    mv "$work/units/$name@.service" "$work/units/$name@county.service"
done

step "systemd understands them"
cd "$work/units"
systemd-analyze verify --man=no --recursive-errors=no ./*.service ./*.socket >"$work/verify" 2>&1 ||
    fail "$(cat "$work/verify")"
[ ! -s "$work/verify" ] || fail "$(cat "$work/verify")"

step "what they are exposed to"
for unit in *.service; do
    systemd-analyze security --offline=true --no-pager --threshold=15 "./$unit" >"$work/exposure" 2>&1 ||
        fail "$(grep '^✗' "$work/exposure"; tail -n 1 "$work/exposure")"
    tail -n 1 "$work/exposure"
    ! systemd-analyze security --offline=true --no-pager --threshold=1 "./$unit" >/dev/null 2>&1 ||
        fail "the threshold counts for nothing"
done

step "the programs understand the options that the units give"
for unit in *.service; do
    sed -n 's/^Exec[A-Za-z]*=//p' "$unit" | sed "s/[$]OPTIONS//" | while read -r line; do
        # shellcheck disable=SC2086 # the words of a command
        $line --help >"$work/out" 2>&1 || fail "$line: $(cat "$work/out")"
    done
done

step "the user"
command -v systemd-sysusers >/dev/null || skip "systemd-sysusers is missing"
[ "$(id -u)" -eq 0 ] || skip "making users in a tree of its own wants root"
mkdir -p "$work/system/etc"
systemd-sysusers --root="$work/system" "$root/packaging/sysusers/newswire.conf" >"$work/users" 2>&1 ||
    fail "$(cat "$work/users")"
grep -q '^newswire:' "$work/system/etc/passwd" || fail "there is no user newswire: $(cat "$work/users")"
for unit in *.service; do
    grep -q '^User=newswire$' "$unit" || fail "$unit runs as somebody else"
done
