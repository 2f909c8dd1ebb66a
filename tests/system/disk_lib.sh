# A daemon on a small disk of its own, which a script can make fail, under a service
# manager that listens to it.
# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # variables and callers are elsewhere
. "$(dirname "$0")/lib.sh"

# What to mount an image with: "loop", "loop,errors=remount-ro".
mount_disk() {
    [ "$(id -u)" -eq 0 ] || skip "mounting a file system wants root"
    command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 is missing: it comes with e2fsprogs"
    truncate -s 16M "$work/image"
    mkfs.ext4 -q "$work/image"
    mkdir "$work/disk"
    mount -o "$1" "$work/image" "$work/disk" 2>/dev/null || skip "an image can't be mounted here"
    log_directory=$work/disk/log
}
cleanup() { umount -l "$work/disk" 2>/dev/null || true; }

start_managed() {
    /usr/bin/python3 "$root/tests/servers/service_manager.py" --watchdog 2 "$work" \
        "$bin/newswired" --config "$config" >"$work/daemon.log" 2>&1 &
    manager=$!
    pids="$pids $manager"
    wait_for 20 status_json || fail "the daemon did not start"
    feed=$(endpoint_of feed) replay=$(endpoint_of replay) submit=$(endpoint_of submit)
}

# What the manager has heard.
answers() { grep -c WATCHDOG=1 "$work/notify"; }
answered_again() { [ "$(answers)" -gt "$before" ]; }
status_says() { grep STATUS= "$work/notify" | tail -n 1 | grep -qE -- "$1"; }
