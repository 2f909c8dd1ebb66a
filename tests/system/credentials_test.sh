#!/bin/sh
# Keys that systemd hands over: a name without a slash is that of a credential, for
# newswired and for the tools; they may be readable by a group, which systemd guards.
. "$(dirname "$0")/lib.sh"

credentials=$work/credentials
mkdir "$credentials"
"$bin/newswirectl" keygen "$work/newswired" >/dev/null
"$bin/newswirectl" keygen "$work/reader" --server-key "$work/newswired.pub" >/dev/null
"$bin/newswirectl" keygen "$work/origin" --origin >/dev/null
mv "$work/newswired.secret" "$work/reader.secret" "$work/origin.secret" "$credentials"
chmod 440 "$credentials"/*
write_config <<END
[log]
sign = origin.secret
[security]
secret_key = newswired.secret
[client "reader"]
public_key = $work/reader.pub
read = *
send = *
[section "news"]
END

step "the config is good by itself; without the credentials the daemon says what is missing"
expect 0 "$bin/newswired" --config "$config" --check
expect 69 "$bin/newswired" --config "$config"
expect_line "$work/err" "newswired.secret can't be read: No such file"

step "with them it has its keys, and so have the tools"
export CREDENTIALS_DIRECTORY="$credentials"
start_daemon
export NEWSWIRE_KEY=reader.secret
story "By credential" news >"$work/story.txt"
expect 0 send "$work/story.txt"
whole_wire >"$work/wire"
expect_line "$work/wire" "By credential"
keep_all --key reader.secret
finds 1 credential || fail "the archive has not found it"

step "one that is there only so that the unit starts is no key"
printf none >"$credentials/reader.secret"
expect 78 whole_wire
expect_line "$work/err" "reader.secret has no secret-key"

step "a path that is neither is refused"
write_config <<END
[log]
sign = keys/origin.secret
[section "news"]
END
expect 78 "$bin/newswired" --config "$config" --check
expect_line "$work/err" "[log] sign: 'keys/origin.secret' is neither"
