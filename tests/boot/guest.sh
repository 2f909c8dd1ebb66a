#!/bin/sh
# What tests/boot/run does inside the system that it boots: guest.sh RESULTS
#
# The functions in $tests are run in their order, each by a shell of its own that
# ends where a command fails, each on what the one before has left. The report
# goes to RESULTS/guest; RESULTS/end says that all were run.
# shellcheck disable=SC2317 # functions are called by name
set -u
export LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER='' SYSTEMD_COLORS=0

tests='installing_starts_the_service
a_page_dropped_in_the_spool_is_read
systemctl_status_says_how_it_is
what_the_units_can_do_is_little
an_archive_and_a_forwarder_run
journal_lines_have_fields_and_explanations
a_good_config_is_taken_by_reload
a_bad_config_keeps_the_old_one_running
a_stopped_main_loop_is_restarted
sockets_of_systemd_outlive_a_restart
keys_come_as_credentials
a_backup_is_restored
an_upgrade_keeps_a_changed_config
removing_stops_it_and_keeps_config_and_articles
purging_takes_the_config_and_leaves_the_articles
purging_takes_the_articles_when_told_to'

config=/etc/newswire/newswired.conf
state=/var/lib/newswire
spool=$state/spool

apt() { apt-get -o Dpkg::Use-Pty=0 -y --no-install-recommends "$@"; }
# wait_for SECONDS COMMAND...
wait_for() {
    set +x
    tries=$(($1 * 10))
    shift
    until [ "$tries" -eq 0 ] || "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        sleep 0.1
    done
    set -x
    "$@"
}
property() { systemctl show --value --property="$1" "${2:-newswired.service}"; }
all_of_it() { timeout 30 newswire-tail --after 0 --until-head --quiet "$@"; }
entries() { all_of_it --format json | grep -c '"seq":'; }
is_taken() { [ -n "$(ls "$spool/accepted")" ] && [ -z "$(ls "$spool/incoming")" ]; }
drop() {
    cp "$1" "$spool/incoming/.new"
    mv "$spool/incoming/.new" "$spool/incoming/$(basename "$1")"
    wait_for 20 is_taken
}
story() { printf 'Headline: %s\nSection: harbour\n\nThe text of %s.\n' "$1" "$1"; }

installing_starts_the_service() {
    apt install /test/newswired_*.deb /test/newswire-*.deb /test/libnewswire0_*.deb
    systemctl is-active newswired.service
    systemctl is-enabled newswired.service
    ! systemctl is-active newswired.socket
    ! systemctl is-enabled newswired.socket
    [ "$(stat -c '%U:%G %a' $state)" = "newswire:newswire 750" ]
    grep -E "^Uid:\s+$(id -u newswire)\b" "/proc/$(property MainPID)/status"
    dpkg-query -W -f '${Conffiles}' newswired | grep -F " $config "
    newswired --check
    ! systemctl --failed --no-legend 'newswire*' | grep .
}

a_page_dropped_in_the_spool_is_read() {
    # As the README has it.
    printf '[spool]\ndirectory = %s\n[section "harbour"]\ntitles = Harbour\n' "$spool" >>"$config"
    systemctl restart newswired
    wait_for 20 test -d "$spool/incoming"
    for page in /test/*.txt; do drop "$page"; done
    [ -z "$(ls "$spool/rejected")" ]
    all_of_it >/tmp/read
    grep -F '植树' /tmp/read
    [ "$(entries)" -gt 5 ]
}

systemctl_status_says_how_it_is() {
    systemctl status newswired >/tmp/status
    grep -E 'Status: ".*[0-9]' /tmp/status
    newswirectl status
    newswirectl doctor
    # Who is in the group may ask, others may not.
    useradd --no-create-home --groups newswire editor
    useradd --no-create-home reader
    setpriv --reuid=editor --regid=editor --init-groups newswirectl status
    ! setpriv --reuid=reader --regid=reader --init-groups newswirectl status
}

what_the_units_can_do_is_little() {
    dpkg -L newswired newswire-clients | sed -n 's|.*/\(newswire.*\.service\)$|\1|p' | sed 's/@/@some/' >/tmp/units
    [ "$(wc -l </tmp/units)" -ge 3 ]
    for unit in $(cat /tmp/units); do
        systemd-analyze security --no-pager --threshold=15 "$unit" >/tmp/exposure
        tail -n 1 /tmp/exposure
        systemd-analyze --no-pager --man=no verify "$unit"
    done
}

an_archive_and_a_forwarder_run() {
    mkdir -p /etc/newswire/forward
    for made in /var/lib/newswire-forward /var/lib/newswire-forward/county /var/lib/newswire-forward/county/out; do
        install -d -o newswire -g newswire -m 750 $made
    done
    cat >/etc/newswire/forward/county.conf <<'CONF'
[forward]
ledger = /var/lib/newswire-forward/county/ledger.db
[outlet "county"]
url = file:///var/lib/newswire-forward/county/out
[outlet "closed"]
url = file:///var/lib/newswire-forward/county/missing
CONF
    systemctl enable --now newswire-archive@all newswire-forward@county
    archived() { newswire-archive search --archive /var/lib/newswire-archive/all/archive.db 植树 | grep -F 植树; }
    wait_for 20 archived
    story "For the county" | newswire-submit -
    delivered() { grep -rF 'For the county' /var/lib/newswire-forward/county/out; }
    wait_for 20 delivered
    systemctl is-active newswire-archive@all newswire-forward@county
}

journal_lines_have_fields_and_explanations() {
    # By the id of ARTICLE_SENT, which never changes.
    journalctl -u newswired -o json MESSAGE_ID=6d60ef1a9b724a4589c4857dbb407e30 >/tmp/sent
    grep -F '"NEWSWIRE_TOPIC":"harbour/article"' /tmp/sent | grep -F '"NEWSWIRE_SEQ":"' | grep -F '"NEWSWIRE_URI":"urn:'
    journalctl -u newswired -o json NEWSWIRE_FILE=qinghe-2031-04-09-1.txt | grep -F '"MESSAGE_ID":"'
    failed() { journalctl -u newswire-forward@county -o json NEWSWIRE_OUTLET=closed | grep -F '"MESSAGE_ID":"'; }
    wait_for 20 failed
    # What stands between the lines is the catalog's.
    journalctl -x -u newswired --no-hostname >/tmp/explained
    grep -F 'Subject: The news wire is up' /tmp/explained
    grep -F 'Defined-By: newswire' /tmp/explained
}

a_good_config_is_taken_by_reload() {
    pid=$(property MainPID)
    printf '[section "ferries"]\ntitles = Ferries\n' >>"$config"
    systemctl reload newswired
    newswirectl sections | grep ferries
    [ "$(property MainPID)" = "$pid" ]
    [ "$(property ActiveState)" = active ]
}

a_bad_config_keeps_the_old_one_running() {
    pid=$(property MainPID)
    before=$(entries)
    cp "$config" /tmp/good
    printf '[section "ferries"]\nno_such_key = 1\n' >>"$config"
    ! systemctl reload newswired
    journalctl -u newswired | grep -F no_such_key
    [ "$(property ActiveState)" = active ]
    [ "$(property MainPID)" = "$pid" ]
    [ "$(entries)" -eq "$before" ]
    newswirectl sections | grep ferries
    # Where it has to start with it, it says so once, and is not tried again and again.
    ! systemctl restart newswired
    [ "$(property ActiveState)" = failed ]
    [ "$(property ExecMainStatus)" = 78 ]
    cp /tmp/good "$config"
    systemctl restart newswired
    [ "$(entries)" -eq "$before" ]
}

a_stopped_main_loop_is_restarted() {
    mkdir -p /run/systemd/system/newswired.service.d
    printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/newswired.service.d/watchdog.conf
    systemctl daemon-reload
    systemctl restart newswired
    pid=$(property MainPID)
    before=$(entries)
    sleep 5 # while it turns, the watchdog is content
    [ "$(property MainPID)" = "$pid" ]
    kill -STOP "$pid"
    is_another() { [ "$(property MainPID)" != "$pid" ] && [ "$(property ActiveState)" = active ]; }
    wait_for 60 is_another
    journalctl -u newswired | grep -F 'Watchdog timeout'
    [ "$(property NRestarts)" -ge 1 ]
    [ "$(entries)" -eq "$before" ]
    rm -r /run/systemd/system/newswired.service.d
    systemctl daemon-reload
    systemctl restart newswired
}

sockets_of_systemd_outlive_a_restart() {
    systemctl stop newswired
    systemctl start newswired.socket newswired.service
    newswire-tail --format json >/tmp/live 2>/tmp/live.err &
    reader=$!
    connected() { newswirectl status --json | grep -E '"readers":\[\{|"readers":[1-9]'; }
    wait_for 20 connected
    story Before | newswire-submit -
    # Whoever connects while it is away is not refused: every 10 ms one tries.
    (
        set +x
        while [ ! -e /tmp/over ]; do
            bash -c 'exec 3<>/dev/tcp/127.0.0.1/5561' || echo refused >>/tmp/refused
            sleep 0.01
        done
    ) &
    trying=$!
    systemctl restart newswired
    story After | newswire-submit -
    has_both() { grep -F '"Before"' /tmp/live && grep -F '"After"' /tmp/live; }
    wait_for 30 has_both
    touch /tmp/over
    wait "$trying"
    [ ! -e /tmp/refused ]
    kill "$reader"
    ! grep -i -E 'loss|gap' /tmp/live.err
    # Its first client starts it.
    systemctl stop newswired.service
    systemctl is-active newswired.socket
    entries
    systemctl is-active newswired.service
    systemctl stop newswired.socket newswired.service
    systemctl start newswired.service
}

keys_come_as_credentials() {
    before=$(entries)
    cp "$config" /tmp/good
    mkdir -m 700 /etc/newswire/keys
    newswirectl keygen /etc/newswire/keys/newswired
    newswirectl keygen /root/all --server-key /etc/newswire/keys/newswired.pub >/tmp/all
    {
        printf '[security]\nsecret_key = newswired.secret\n[client "all"]\nread = *\nsend = *\n'
        grep '^public_key' /tmp/all
    } >>"$config"
    cp /root/all.secret /etc/newswire/archive/all.secret
    echo NEWSWIRE_KEY=reader.secret >/etc/newswire/archive/all.conf
    # The services' user can't read what root has here.
    ! setpriv --reuid=newswire --regid=newswire --clear-groups cat /etc/newswire/keys/newswired.secret
    systemctl restart newswired newswire-archive@all
    [ "$(all_of_it --key /root/all.secret --format json | grep -c '"seq":')" -eq "$before" ]
    ! newswire-tail --after 0 --until-head --quiet --timeout 2
    story Sealed | newswire-submit --key /root/all.secret -
    archived() { newswire-archive search --archive /var/lib/newswire-archive/all/archive.db Sealed | grep -F Sealed; }
    wait_for 20 archived
    cp /tmp/good "$config"
    rm -r /etc/newswire/keys /etc/newswire/archive/*
    systemctl restart newswired newswire-archive@all
}

a_backup_is_restored() {
    # As newswired(8) has it.
    all_of_it --format json | sed 's/.*"uri":"\([^"]*\)".*/\1/' >/tmp/before
    newswirectl backup /var/backups/wire --quiet
    (cd /var/backups/wire && sha256sum --quiet --check manifest)
    systemctl stop newswired
    mv $state/log /tmp/lost
    newswired --restore /var/backups/wire
    systemctl start newswired
    all_of_it --format json | sed 's/.*"uri":"\([^"]*\)".*/\1/' >/tmp/after
    cmp /tmp/before /tmp/after
    story "After the restore" | newswire-submit -
    archived() { newswire-archive search --archive /var/lib/newswire-archive/all/archive.db "After the restore" | grep .; }
    wait_for 20 archived
}

an_upgrade_keeps_a_changed_config() {
    pid=$(property MainPID)
    archiving=$(property MainPID newswire-archive@all)
    before=$(entries)
    apt -o Dpkg::Options::=--force-confold install /test/newer/*.deb
    dpkg-query -W -f '${Version}' newswired | grep -F +1
    grep -F "directory = $spool" "$config"
    grep -F '# A new word on a key.' "$config.dpkg-dist"
    [ "$(property MainPID)" != "$pid" ]
    [ "$(property MainPID newswire-archive@all)" != "$archiving" ]
    systemctl is-active newswired newswire-archive@all newswire-forward@county
    ! systemctl is-active newswired.socket
    [ "$(entries)" -eq "$before" ]
}

removing_stops_it_and_keeps_config_and_articles() {
    entries >/tmp/entries
    apt remove newswired newswire-clients newswire-common
    ! systemctl is-active newswired newswired.socket newswire-archive@all newswire-forward@county
    [ ! -e /usr/sbin/newswired ]
    [ -e "$config" ]
    [ -n "$(ls $state/log)" ]
    [ -z "$(pgrep -u newswire || true)" ]
    apt install /test/newer/*.deb
    systemctl is-active newswired
    [ "$(entries)" -eq "$(cat /tmp/entries)" ]
}

purging_takes_the_config_and_leaves_the_articles() {
    apt purge newswired newswire-clients newswire-common
    [ ! -e "$config" ]
    [ -n "$(ls $state/log)" ]
    [ -e /var/lib/newswire-archive/all/archive.db ]
    ! systemctl is-enabled newswired
    ! systemctl --failed --no-legend 'newswire*' | grep .
}

purging_takes_the_articles_when_told_to() {
    apt install /test/newer/*.deb
    systemctl is-active newswired
    printf '%s purge-articles boolean true\n' 'newswired newswired/' 'newswire-clients newswire-clients/' |
        sed 's|/ |/|' | debconf-set-selections
    apt purge newswired newswire-clients newswire-common
    [ ! -e $state ]
    [ ! -e /var/lib/newswire-archive ]
    [ ! -e /var/lib/newswire-forward ]
    [ ! -e /etc/newswire/newswired.conf ]
}

if [ $# -eq 2 ]; then
    set -x
    "$2"
    exit
fi
for test in $tests; do
    name=$(echo "$test" | tr _ ' ')
    begin=$(date +%s)
    systemctl reset-failed # and how often it was started of late
    if timeout 120 sh -e "$0" "$1" "$test" >/tmp/out 2>&1 </dev/null; then
        echo "passed  $name ($(($(date +%s) - begin)) s)" >>"$1/guest"
    else
        {
            echo "FAILED  $name"
            tail -n 40 /tmp/out
            echo "-- the journal:"
            journalctl -q -n 30 --no-hostname --since "@$begin"
        } | sed '2,$ s/^/        /' >>"$1/guest"
    fi
done
echo "all were run" >"$1/end"
