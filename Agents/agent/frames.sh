#!/bin/sh
# certfleet's agent: what happens on a host. It arrives on stdin of `exec /bin/sh -s`, followed by the request
# and by the one line that starts it; PROTOCOL.md describes both. Until that last line nothing runs, so a cut
# transfer does nothing.
#
# POSIX sh, and the commands that `tools` names. Functions share variables: there is no `local` in POSIX, so
# what a function keeps across a call of another stands in its positional parameters. What thousands of hosts do at
# once is bounded by the processes that they start, so this file counts them: text is decoded, written and read by
# the shell's own commands.
#
# shellcheck disable=SC2015 # `A && B || fail` is meant as it reads: whichever fails
set -u
# Every shell that we know has -c, and what has it not goes on without.
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
newline='
'
tab='	'
version=7
tools='base64 cat chmod cmp cp date dd df env flock id ln ls mkdir mkfifo mv readlink rm rmdir setsid sleep sync tail tr wc'
base=
recovering=
action=deploy
failed_domains=
limping=
self=
work=
spot=1
spots=0
slot=1
slots=0
keeper_group=
good_programs=
done_within=
webroot=
to_make=
surveyed_for=
acts=0
awaited=
allowed=
clockwork=
ran=
stuck=
unsent=
rubbish=

# --- Talking: frames on stdout -------------------------------------------------------------------------------

# put TEXT: by a builtin, so that no secret and no text of ours becomes another program's argument.
if [ -n "${KSH_VERSION:-}" ]; then
  # shellcheck disable=SC3061
  put() { print -rn -- "$1"; }
else
  put() { printf %s "$1"; }
fi

# say FIELD...: one frame without bytes, behind those that were held back. A connection that is gone is no failure of the visit.
say() {
  put "$unsent@certfleet $nonce 0 $*$newline" 2>/dev/null || true
  unsent=''
}

# hold FIELD...: the same, to go with the next one, which follows at once: each write is a packet to two processes more.
hold() { unsent="$unsent@certfleet $nonce 0 $*$newline"; }

# step NAME LINEAGE INDEX OUTCOME VALUE [TEXT]: how something went.
step() { hold step "$@"; }

one_line() { tr '\n\r\t' '   '; }
