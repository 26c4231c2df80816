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
version=3
tools='base64 cat chmod cmp cp date dd df env flock ln ls mkdir mkfifo mv readlink rm setsid sleep sync tail tr wc'
recovering=
action=deploy
failed_domains=
limping=
self=
allowed=
clockwork=
active=
ran=
stuck=

# --- Talking: frames on stdout -------------------------------------------------------------------------------

# put TEXT: by a builtin, so that no secret and no text of ours becomes another program's argument.
if [ -n "${KSH_VERSION:-}" ]; then
  # shellcheck disable=SC3061
  put() { print -rn -- "$1"; }
else
  put() { printf %s "$1"; }
fi

# say FIELD...: one frame without bytes. A connection that is gone is no failure of the visit.
say() { put "@certfleet $nonce 0 $*$newline" 2>/dev/null || true; }

# step NAME LINEAGE INDEX OUTCOME VALUE [TEXT]: how something went.
step() { say step "$@"; }

one_line() { tr '\n\r\t' '   '; }

# --- The request: records of space-separated fields, one a line ----------------------------------------------

# each KIND FUNCTION: calls FUNCTION with the fields of every record of that kind, until it fails. The list is
# expanded before the first call, so calls may nest.
each() {
  IFS=$newline
  for record in $plan; do
    IFS=' '
    # shellcheck disable=SC2086 # the fields are to be split
    case $record in
      "$1 "*) "$2" $record || return 1 ;;
    esac
  done
  IFS=' '
}

# decode FIELD: sets $decoded. `=` and base64, with trailing newlines kept; or `:` and text in which % stands before
# the letter of what a field cannot hold.
decode() {
  case $1 in
    =*)
      decoded=$(put "${1#=}" | base64 -d && echo .) || return 1
      decoded=${decoded%.}
      ;;
    *) unescape "${1#:}" ;;
  esac
}

unescape() {
  decoded=${1%%\%*}
  [ "$decoded" != "$1" ] || return 0
  IFS=%
  # shellcheck disable=SC2086
  set -- ${1#*\%}
  IFS=' '
  for piece in "$@"; do
    case $piece in
      n*) decoded=$decoded$newline${piece#n} ;;
      s*) decoded="$decoded ${piece#s}" ;;
      t*) decoded=$decoded$tab${piece#t} ;;
      q*) decoded="$decoded'${piece#q}" ;;
      *) decoded=$decoded%${piece#p} ;;
    esac
  done
}

# decode_path FIELD: sets $path; `~/` is the login user's own folder, as ssh and every shell write it.
decode_path() {
  decode "$1" || return 1
  # shellcheck disable=SC2088
  case $decoded in '~/'*) path=${HOME:-}/${decoded#'~/'} ;; *) path=$decoded ;; esac
}

# load PLAN: makes a request's records the current ones.
load() {
  plan=$1
  token='' epoch=0 rollout=0 wave=0 host='' base='' confirm=0 clock=0 all_domains=''
  each visit load_visit
  each base load_base
  each cert load_domains
  state=$base/.certfleet
  case "$newline$plan$newline" in *"${newline}stay$newline"*) stays=yes ;; *) stays='' ;; esac
}
load_visit() { token=$2 epoch=$3 rollout=$4 wave=$5 host=$6 confirm=$7 clock=$8; }
load_base() { decode_path "$2" && base=$path; }
load_domains() { decode "$5" && all_domains="$all_domains${all_domains:+ }$decoded"; }

# --- What a request may hold: an installed agent believes none, and a shell calculates with whatever it is given ----

# is_well_formed: sets $why when it is not.
is_well_formed() {
  visits=0 bases=0
  IFS=$newline
  for record in $plan; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    is_sound $record || {
      why="the request cannot be read: there is a record '${record%% *}' that is not as it should be"
      return 1
    }
  done
  IFS=' ' why='the request must name one visit and one base'
  [ "$visits:$bases" = 1:1 ]
}

# is_sound KIND FIELD...: a kind that is not known is not passed over, for it might be what forbids something.
is_sound() {
  case $1 in
    visit) visits=$((visits + 1)) && visit_is_sound "$@" ;;
    base) bases=$((bases + 1)) && base_is_sound "$@" ;;
    cert) cert_is_sound "$@" ;;
    file) [ "$#" -eq 5 ] && is_name "$2" && is_name "$3" && case $4 in 0600 | 0644) ;; *) false ;; esac ;;
    kept) [ "$#" -eq 3 ] && is_name "$2" && is_number "$3" ;;
    hostkey) [ "$#" -eq 4 ] && is_name "$2" && is_name "$3" && is_number "$4" ;;
    install) install_is_sound "$@" ;;
    hook) hook_is_sound "$@" ;;
    directory) [ "$#" -eq 3 ] && is_number "$2" ;;
    need) [ "$#" -eq 3 ] ;;
    key) [ "$#" -eq 6 ] && is_name "$2" && is_name "$3" ;;
    token) [ "$#" -eq 4 ] || [ "$#" -eq 5 ] ;;
    stay) [ "$#" -eq 1 ] ;;
    *) false ;;
  esac
}

is_name() { case $1 in '' | .* | -* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }
is_number() { case $1 in '' | *[!0-9]* | 0?* | ???????????????*) return 1 ;; esac; }
is_account() { case $1 in -) ;; '' | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) return 1 ;; esac; }
are_domains() { decode "$1" && case $decoded in *[!A-Za-z0-9.*:\ -]*) return 1 ;; esac; }

# are_names SEPARATOR LIST
are_names() {
  IFS=$1
  # shellcheck disable=SC2086 # its names
  set -- $2
  IFS=' '
  [ "$#" -gt 0 ] || return 1
  for entry in "$@"; do is_name "$entry" || return 1; done
}

visit_is_sound() {
  [ "$#" -eq 8 ] && is_name "$2" && is_number "$3" && is_number "$4" && is_number "$5" && is_name "$6" &&
    is_number "$7" && is_number "$8"
}
base_is_sound() { decode_path "$2" && case $path in *"$newline"* | [!/]* | /) return 1 ;; esac; }
cert_is_sound() { [ "$#" -eq 5 ] && is_name "$2" && is_number "$3" && are_domains "$5"; }

# install LINEAGE PARTS MODE OWNER GROUP ALLOWED PATH
install_is_sound() {
  [ "$#" -eq 8 ] && is_name "$2" && are_names + "$3" && is_account "$5" && is_account "$6" && decode_path "$8" || return 1
  case $4 in 0[46][04][04]) ;; *) return 1 ;; esac
  case $path in *"$newline"* | [!/]* | */) return 1 ;; esac
}

# hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...
hook_is_sound() {
  [ "$#" -ge 8 ] && [ "$(($# % 2))" -eq 0 ] && is_number "$4" && is_number "$5" && is_account "$6" || return 1
  case $2:$3 in
    pre:- | post:-) ;;
    deploy:* | verify:*) are_names , "$3" || return 1 ;;
    *) return 1 ;;
  esac
  shift 8
  while [ "$#" -gt 0 ]; do
    case $1 in '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) return 1 ;; esac
    shift 2
  done
}

# --- The journal: what this visit has begun, one line before each effect -------------------------------------

# journal LINE: it is read back by a descriptor that stands at the end: on a full disk a shell may not learn that its
# line was lost, and what is not in the journal could not be undone. It begins with a newline, for what a full disk cut.
journal() {
  if { put "$newline$*$newline" >>"$state/journal"; } 2>/dev/null; then
    while IFS= read -r entry <&4; do
      [ "$entry" != "$*" ] || return 0
    done
  fi
  why="$state/journal cannot be written; is the disk full?"
  return 1
}

# open_journal: for reading back what is written from now on.
open_journal() {
  exec 4<"$state/journal"
  while IFS= read -r entry <&4; do true; done
}

# logged PREFIX: whether a line begins so; it is left in $entry.
logged() {
  [ -f "$state/journal" ] || return 1
  while IFS= read -r entry; do
    case $entry in "$1"*) return 0 ;; esac
  done <"$state/journal"
  return 1
}

# begin_journal: a new visit's, in the place of the one before. The plan is there first: while the old journal stands
# it has an end, and its plan is asked for no more.
begin_journal() {
  why="$state cannot be written; is the disk full?"
  {
    IFS=$newline
    for record in $plan; do
      case $record in file\ *) ;; *) put "$record$newline" ;; esac
    done >"$state/plan"
    IFS=' '
    put "visit $token $epoch$newline" >"$state/journal.new"
  } 2>/dev/null
  IFS=' '
  read -r entry <"$state/journal.new" && [ "$entry" = "visit $token $epoch" ] && [ -s "$state/plan" ] &&
    mv "$state/journal.new" "$state/journal" && open_journal
}

# finish OUTCOME TEXT...: the visit's end, on disk before it is told.
finish() {
  end_hooks
  journal "end $*"
  sync_to "$state"
  [ -n "$recovering" ] || say end "$@"
}

sync_to() { sync -f "$1" 2>/dev/null || sync; }

# --- Folders and locks ---------------------------------------------------------------------------------------

# prepare: tools and folders. Sets $why when it fails.
prepare() {
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || {
      why="the command '$tool' is missing on the host; install it"
      return 1
    }
  done
  # Whatever is made on the way to it is for everybody to walk through.
  [ -d "$state" ] || why=$(umask 022 && exec mkdir -p -m 700 "$state" 2>&1) || {
    why=$(put "$why" | one_line)
    return 1
  }
  for folder in "$base" "$base/live" "$base/archive" "$state"; do
    [ ! -e "$folder" ] || [ -w "$folder" ] || {
      why="$folder cannot be written by $(id -un); set become: true or another base"
      [ "$(id -u)" -ne 0 ] || why="$folder is on a file system that is mounted read-only; remount it or set another base"
      return 1
    }
  done
  is_safely_placed || return 1
  why="$state/lock cannot be written; is the disk full, out of inodes or read-only?"
  # Hooks run with the mask that the login has, and no shell tells it but on stdout; what the agent makes is for itself.
  { true >>"$state/lock" && umask >"$state/umask"; } 2>/dev/null && read -r inherited <"$state/umask" || return 1
  umask 077
}

# is_safely_placed: what is in $state says what is run next and holds private keys, so nobody but root and the agent's user
# may be able to put something there. From then on it goes by the path without links, for a link could be turned.
is_safely_placed() {
  set -- "$(
    cd -P "$state" 2>/dev/null || exit
    put "$PWD$newline"
    with_parents "$PWD"
  )"
  why="$state is not a folder that can be entered"
  [ -n "$1" ] || return 1
  state=${1%%"$newline"*} base=${state%/*}
  # ls sorts, and every folder comes before what is in it.
  owner_of "${1##*"$newline"}"
  why="$state belongs to somebody else; mend its owner, or set another base"
  # shellcheck disable=SC3067 # every shell that we know has -O
  [ -O "$state" ] || return 1
  why='can be written by others, who could then run commands here; mend its owner and mode, or set another base'
  folders_are_safe "${1#*"$newline"}" '' && return 0
  why="$unsafe $why"
  return 1
}

# owner_of LISTED: sets $self.
owner_of() {
  # shellcheck disable=SC2086 # its fields
  set -- $1
  self=$3
}

# with_parents FOLDER: what `ls -ldn` says of it and of every folder above it; one process for all.
with_parents() {
  set -- "$1"
  while :; do
    case $1 in /) break ;; esac
    folder=${1%/*}
    set -- "${folder:-/}" "$@"
  done
  exec ls -ldn "$@"
}

# each_link PATH: the folders in which the links on the way stand; whoever can turn one of them chooses where files go.
each_link() {
  set -- "$1" 0
  while [ -L "$1" ] && [ "$2" -lt 8 ]; do
    (with_parents "${1%/*}")
    entry=$(readlink "$1")
    case $entry in /*) ;; *) entry=${1%/*}/$entry ;; esac
    set -- "$entry" "$(($2 + 1))"
  done
}

# folders_are_safe LISTING SHARED: whether nobody but root and oneself can put a file into any of them. A folder above may
# be sticky, where others cannot move what is ours; SHARED is the one that may not. Sets $unsafe.
folders_are_safe() {
  unsafe='' strict=$2
  IFS=$newline
  for listed in $1; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    folder_is_safe $listed || unsafe=/${listed#*/}
  done
  IFS=' '
  [ -z "$unsafe" ]
}

# folder_is_safe MODE LINKS UID GID SIZE MONTH DAY TIME NAME: what a group may write is safe where it is root's, or the
# owner's own by the usual numbers.
folder_is_safe() {
  case $1 in
    l*) ;;
    ????????w[tT]*) [ "/${listed#*/}" != "$strict" ] || return 1 ;;
    ????????w*) return 1 ;;
    ?????w*) [ "$4" = 0 ] || [ "$4" = "$3" ] || return 1 ;;
  esac
  [ "$3" = 0 ] || [ "$3" = "$self" ]
}

# lock SECONDS: one visit at a time. The kernel frees a lock when its holders end, however that happens.
lock() {
  exec 9>>"$state/lock"
  tries=0
  until flock -n 9 9>&9; do
    [ "$tries" -lt "$1" ] || return 1
    tries=$((tries + 1))
    sleep 1
  done
}

# lock_hooks: held by the agent, and beside it by whatever waits for a hook. Where an agent was killed it shows that the
# hook still runs, and that its process group is no other's yet: it may have until its deadline.
lock_hooks() {
  why="$state/hook-lock cannot be written; is the disk full, out of inodes or read-only?"
  { true >>"$state/hook-lock"; } 2>/dev/null || return 1
  why='a hook of an earlier visit still runs'
  exec 8>>"$state/hook-lock"
  flock -n 8 8>&8 && return 0
  tries=0 seconds=ended
  read -r seconds <"$state/deadline"
  [ "$seconds" = ended ] || say begin recover - - "$((seconds + 10))"
  until flock -n 8 8>&8; do
    read -r seconds <"$state/deadline"
    if [ "$seconds" = ended ]; then
      # Who waited for it is held up by a pipe that nobody reads any more, and does nothing else.
      [ "$tries" -lt 3 ] || {
        rm -f "$state/hook-lock"
        lock_hooks
        return
      }
    else
      [ "$tries" -ne "$seconds" ] || signal_group TERM
      [ "$tries" -ne "$((seconds + 5))" ] || signal_group KILL
      [ "$tries" -lt "$((seconds + 10))" ] || return 1
    fi
    tries=$((tries + 1))
    sleep 1
  done
}

# --- Hooks ---------------------------------------------------------------------------------------------------

# begin_hooks: the pipe by which everything that runs beside the agent talks to it, and a clock at its other end. As
# both ends are open here, nobody's end closes it.
begin_hooks() {
  [ -z "$clockwork" ] || return 0
  end_hooks
  run=0 pipes=0 left=0 ticks=0
  note_environment
  make_pipes "$state/pipe-events"
  [ -p "$state/pipe-events" ] || return 1
  exec 7<>"$state/pipe-events"
  tick &
  clockwork=$!
}

# What runs beside the agent may outlive it: it must hold neither its lock nor its streams, and must not wait for a pipe
# that nobody has open any more. By `exec` and not on a command: a shell keeps a copy of what it redirects for a function.

# tick: when the agent is gone, nobody reads the pipe and the signal for that ends this. It is opened while the agent's
# own end is there too.
tick() {
  exec </dev/null 2>/dev/null >"$state/pipe-events"
  exec 3<&- 4<&- 5<&- 6<&- 7<&- 8>&- 9>&-
  while sleep 1; do echo tick; done
}

end_hooks() {
  [ -z "$clockwork" ] || kill "$clockwork" 2>/dev/null
  clockwork=
  exec 7<&-
  set +f
  set -- "$state"/pipe-* "$state"/stream-*
  set -f
  for entry in "$@"; do
    [ ! -e "$entry" ] || {
      rm -rf "$@"
      return
    }
  done
}

# make_pipes [PATH]: some more, by one command.
make_pipes() {
  for _ in 1 2 3 4 5 6 7; do
    pipes=$((pipes + 1))
    set -- "$@" "$state/pipe-$pipes-out" "$state/pipe-$pipes-err"
  done
  mkfifo "$@" 2>/dev/null
}

# next_pipes: a hook's own, for what an earlier one has left running writes to the earlier's.
next_pipes() {
  why="$state/pipe-... cannot be made; is the disk out of inodes?"
  begin_hooks || return 1
  run=$((run + 1))
  out=$state/pipe-$run-out err=$state/pipe-$run-err
  [ "$run" -le "$pipes" ] || make_pipes
  [ -p "$out" ] && [ -p "$err" ] || return 1
  exec 5<>"$out" 6<>"$err"
}

# beside NAME=VALUE... COMMAND...: runs it and tells its exit status. It keeps the hooks' lock for as long as the hook runs, and the pipes
# open, so that a hook is not disturbed when the agent is killed. A marker shows where a stream ends, for a child of the
# hook may hold it open; where the streams are drained there is none.
beside() {
  exec 3<&- 4<&- 9>&- </dev/null >/dev/null 2>&1
  # In a shell of its own: what this one says of a process that was killed is not the hook's.
  (
    exec >"$out" 2>"$err" 5<&- 6<&- 7<&- 8>&-
    with_only "$@"
  )
  set -- "$?"
  put "ended$newline" >"$state/deadline"
  if [ -e "$state/stream-$run" ]; then
    set -- "$1" bare
  else
    set -- "$1" marked
    put "$newline$nonce.$run$newline" >&5
    put "$newline$nonce.$run$newline" >&6
  fi
  put "ended $run $*$newline" >&7
}

# note_environment: sets $given to the names of what this shell passes on, where it knows them all: one of ash's kind takes
# nothing from its environment that is no variable. Others pass on what they have no name for.
note_environment() {
  given=
  [ -z "${BASH_VERSION:-}${KSH_VERSION:-}${YASH_VERSION:-}" ] || return 0
  IFS=$newline
  for entry in $(export -p); do
    entry=${entry#export } entry=${entry%%=*}
    # dash takes OPTIND for a number, which nothing is not.
    case $entry in *[!A-Za-z0-9_]* | [!A-Za-z_]* | OPTIND) ;; *) given="$given $entry" ;; esac
  done
  IFS=' '
}

# with_only NAME=VALUE... COMMAND...: becomes the command, with these variables and no others. It has none of its own, which
# could be one of them.
with_only() {
  [ -n "$given" ] || exec env -i "$@"
  # shellcheck disable=SC2086 # the names
  unset $given
  while case $1 in *=*) ;; *) false ;; esac do
    # shellcheck disable=SC2163 # NAME=VALUE
    export "$1"
    shift
  done
  exec "$@"
}

# supervise SECONDS: until the hook has ended, by itself or by its deadline: TERM to its whole process group, and five
# seconds later KILL. Sets $status, and $stopping where it was the deadline.
supervise() {
  status='' stopping=''
  forget_ticks
  while [ -z "$status" ] || { [ -n "$stopping" ] && group_lives; }; do
    next_event
    [ "$event" = tick ] || continue
    # A pipe takes 64 KiB before its writer has to wait; most hooks are done before anybody has to read.
    [ "$ticks" -lt 2 ] || drain_beside
    if [ -z "$stopping" ]; then
      [ "$ticks" -le "$1" ] || {
        stopping=$ticks
        signal_group TERM
      }
    else
      [ "$ticks" -ne "$((stopping + 5))" ] || signal_group KILL
      [ "$ticks" -lt "$((stopping + 7))" ] || return 0
    fi
  done
}

# next_event: waits for one. A signal that is caught may end a read early.
next_event() {
  event=''
  read -r event number value <&7 || return 0
  case "$event $number" in
    'tick ') ticks=$((ticks + 1)) ;;
    "ended $run") status=${value% *} marking=${value#* } ;;
    "drained $run") left=$((left - 1)) ;;
  esac
}

# forget_ticks: those that came while nobody waited, so that what is measured begins now.
forget_ticks() {
  put "now$newline" >&7
  event=''
  until [ "$event" = now ]; do next_event; done
  ticks=0
}

signal_group() { read -r group <"$state/group" && kill -s "$1" -- "-$group" 2>/dev/null; }

# group_lives: a group that may not be signalled is there too.
group_lives() {
  read -r group <"$state/group" || return 1
  set -- "$(kill -s 0 -- "-$group" 2>&1 && echo there)"
  case $1 in *there | *ermitted*) ;; *) return 1 ;; esac
}

# drainer: keeps the first and the last two chunks of a stream; each is at most 4 MiB, and what is dropped is counted.
# dd writes what it reads at once, so nothing is lost when this is ended early.
# shellcheck disable=SC2016 # another shell expands it
drainer='cd "$1" || exit
echo "$$" >group
dropped=0
dd bs=4096 count=1024 of=first
while dd bs=4096 count=1024 of=next && [ -s next ]; do
  if [ -f previous ]; then dropped=$((dropped + $(wc -c <previous))); echo "$dropped" >dropped; fi
  [ ! -f last ] || mv last previous
  mv next last
done
rm -f next
echo "drained $2" >&7'

# drain_beside: takes a hook's streams from now on, so that it never waits. One that has just ended either sees that they
# are to be drained, or is seen to have ended; but a full pipe may hold up the marker, and is emptied in the end.
drain_beside() {
  [ -z "$draining" ] || return 0
  mkdir -p "$state/stream-$run/out" "$state/stream-$run/err" 2>/dev/null || return 0
  read -r entry <"$state/deadline"
  [ "$entry" != ended ] || [ "$ticks" -gt 3 ] || [ "$marking" = bare ] || return 0
  draining=yes
  drain "$state/stream-$run/out" "$out" &
  drain "$state/stream-$run/err" "$err" &
}

drain() {
  # To read alone, so that it does not keep the other end open; and first, for a pipe that nobody has open forgets.
  exec <"$2"
  exec 3<&- 4<&- 5<&- 6<&- 8>&- 9>&- >/dev/null 2>&1
  # Some shells pass on no descriptor above 2 that is not named.
  exec setsid /bin/sh -c "$drainer" drain "$1" "$run" 7>&7
}

# collect: the hook's streams, as frames.
collect() {
  [ "$marking" != bare ] || drain_beside
  if [ -n "$draining" ]; then
    exec 5<&- 6<&-
    await_drained
    send_drained stdout "$state/stream-$run/out"
    send_drained stderr "$state/stream-$run/err"
  else
    take 5
    send stdout
    take 6
    send stderr
    exec 5<&- 6<&-
  fi
}

# take FD: what waits in a pipe, into $text.
take() {
  text=
  while IFS= read -r line <&"$1" && [ "$line" != "$nonce.$run" ]; do text=$text$line$newline; done
  text=${text%"$newline"}
}

send() {
  [ -z "$text" ] || put "@certfleet $nonce ${#text} output $1 ${#text}$newline$text$newline" 2>/dev/null
}

# await_drained: until both streams have ended, or the hook's children have held them open for two seconds.
await_drained() {
  forget_ticks
  while [ "$left" -gt 0 ] && [ "$ticks" -lt 3 ]; do next_event; done
  [ "$left" -gt 0 ] || return 0
  for entry in out err; do
    read -r group <"$state/stream-$run/$entry/group" && kill -s KILL -- "-$group" 2>/dev/null
  done
}

# send_drained NAME FOLDER: the first and last 32 KiB of what was drained, and how much there was.
send_drained() {
  set -- "$1" "$2" 0
  for chunk in first previous last next; do
    [ -f "$2/$chunk" ] && set -- "$1" "$2" $(($3 + $(wc -c <"$2/$chunk")))
  done
  [ "$3" -gt 0 ] || return 0
  if [ "$3" -gt 65536 ]; then
    dd if="$2/first" of="$2/kept" bs=32768 count=1 2>/dev/null
    for chunk in first previous last next; do
      [ -f "$2/$chunk" ] && cat "$2/$chunk"
    done | tail -c 32768 >>"$2/kept"
  else
    for chunk in first previous last next; do
      [ -f "$2/$chunk" ] && cat "$2/$chunk"
    done >"$2/kept"
  fi
  dropped=0
  [ -f "$2/dropped" ] && read -r dropped <"$2/dropped"
  put "@certfleet $nonce $(($(wc -c <"$2/kept"))) output $1 $(($3 + dropped))$newline" 2>/dev/null
  cat "$2/kept" 2>/dev/null
  put "$newline" 2>/dev/null
}

# shellcheck disable=SC2016 # the hook's shell expands it
first_line='echo "$$" >"$certfleet_group" && umask "$certfleet_umask" || exit; unset certfleet_group certfleet_umask
'

# perform MOMENT LINEAGES INDEX SECONDS USER [NAME VALUE]...: runs $command with $argument and tells how it went; fails as
# it does.
perform() {
  moment=$1 lineages=$2 index=$3 seconds=$4 user=$5
  shift 5
  name=${recovering:-$moment} subject=${lineages%%,*}
  case $action:$moment in
    rollback:deploy) name=${recovering:-redeploy} ;;
    rollback:verify) name=${recovering:-recheck} ;;
  esac
  next_pipes && { put "$seconds$newline" >"$state/deadline" && true >"$state/group"; } 2>/dev/null || {
    step "$name" "$subject" "$index" error 1 "$why"
    return 1
  }
  say begin "$name" "$subject" "$index" "$seconds"
  pairs=$#
  while [ "$pairs" -gt 0 ]; do
    decode "$2" || return 1
    set -- "$@" "$1=$decoded"
    shift 2
    pairs=$((pairs - 2))
  done
  hook_environment
  set -- PATH="$PATH" SHELL=/bin/sh \
    ${lineage_path:+"RENEWED_LINEAGE=$lineage_path"} ${renewed+"RENEWED_DOMAINS=$renewed"} \
    ${failed+"FAILED_DOMAINS=$failed"} ${generation:+"CERTFLEET_GENERATION=$generation"} \
    CERTFLEET_HOST="$host" CERTFLEET_ROLLOUT="$rollout" CERTFLEET_WAVE="$wave" CERTFLEET_ACTION="$action" "$@"
  # A process group of its own, so that a deadline reaches everything that the hook has started. It says itself
  # which: some shells run what is in the background through one process more, so $! may be another.
  if [ "$user" = - ] || ! as_user; then
    # The hook's own shell says it in a first line: one process less than by another shell before it.
    set -- "$@" HOME="${HOME:-/}" USER="${USER:-}" LOGNAME="${LOGNAME:-}" \
      certfleet_group="$state/group" certfleet_umask="$inherited"
    set -- "$@" setsid /bin/sh -c "$first_line$command"
  else
    # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words of ours
    set -- PATH="$PATH" setsid /bin/sh -c 'echo "$$" >"$1" && umask "$2" && shift 2 && exec "$@"' certfleet \
      "$state/group" "$inherited" \
      env -i "$@" HOME="$home" USER="$user" LOGNAME="$user" $switch /bin/sh -c "$command"
  fi
  draining='' marking='' left=2 ticks=0
  # yash reads characters, and ends where bytes are none.
  [ -z "${YASH_VERSION:-}" ] || drain_beside
  beside "$@" certfleet ${argument:+"$argument"} &
  supervise "$seconds"
  collect
  # yash says 384 and the signal's number, others 128 and the number.
  [ "$status" -le 384 ] || status=$((status - 256))
  [ -z "$argument" ] || detail=$argument
  if [ -n "$stopping" ] && group_lives; then
    stuck="a hook runs on after its deadline of $seconds s, and nobody here may end it"
    step "$name" "$subject" "$index" error 1 "$stuck"
    return 1
  elif [ -n "$stopping" ]; then
    step "$name" "$subject" "$index" timeout "$seconds" "$detail"
    return 1
  elif [ "$status" -gt 128 ] && [ "$status" -le 192 ] && kill -l "$((status - 128))" >/dev/null 2>&1; then
    step "$name" "$subject" "$index" signal "$((status - 128))" "$detail"
    return 1
  elif [ "$status" -ne 0 ]; then
    step "$name" "$subject" "$index" exit "$status" "$detail"
    return 1
  fi
  step "$name" "$subject" "$index" ok 0 "$detail"
}

# hook_environment: certbot's variables for this hook alone: deploy gets the renewed lineage and its domains, post the
# domains that were renewed and those that were not, either of them empty where there are none; pre none.
hook_environment() {
  lineage_path='' generation=''
  unset renewed failed
  case $moment in
    deploy | verify)
      lineage_path=$base/live/$subject renewed=''
      each cert for_lineages
      ;;
    post)
      failed=$failed_domains renewed=''
      [ -n "$failed" ] || renewed=$all_domains
      ;;
  esac
}
for_lineages() {
  case ",$lineages," in *",$2,"*) ;; *) return 0 ;; esac
  [ "$2" != "$subject" ] || generation=$3
  set -- "$5" "$decoded"
  decode "$1"
  renewed="$renewed${renewed:+ }$decoded"
  decoded=$2
}

# as_user: the words that run a command as $user, whose folder is $home. setpriv of util-linux makes no session of its
# own, which a deadline could not reach; busybox has none of that kind, and its su makes none either.
as_user() {
  home=$(getent passwd "$user" 2>/dev/null)
  home=${home%:*} home=${home##*:}
  [ "$(id -un)" != "$user" ] || { switch='' && return 0; }
  case $(setpriv --version 2>/dev/null) in
    *util-linux*) switch="setpriv --reuid=$user --regid=$(id -g "$user") --init-groups --" ;;
    *) switch="su -s /bin/sh -c \"\$@\" -- $user sh" ;;
  esac
}

# configured hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...: a hook of the request, unless it is
# one that its directory has run already.
configured() {
  decode "$8" || return 1
  command=$decoded argument='' detail='' patience=$7
  case "$newline$ran" in *"$newline$command$newline"*) return 0 ;; esac
  set -- "$2" "$3" "$4" "$5" "$6" "$@"
  moment=$1 lineages=$2 index=$3 seconds=$4 user=$5
  shift 13
  perform "$moment" "$lineages" "$index" "$seconds" "$user" "$@" && return 0
  [ "$patience" = continue ] || return 1
  limping="a hook failed that may fail"
}

# in_directories MOMENT LINEAGE: certbot's directory hooks: executable files in the order of their bytes (a name with a dot
# at its start has its place in it, and no shell's * matches it), but for those that an editor has left. They are remembered, as the same hook may be configured too. After one that failed the
# others run all the same where the moment is post.
in_directories() {
  ran=
  wanted=$1 whose=$2
  each directory in_directory
}
in_directory() {
  decode_path "$3" || return 1
  set -- "$2" 0
  set +f
  for program in "$path/$wanted"/[' '--]* "$path/$wanted"/.[!.]* "$path/$wanted"/[!' '--]*; do
    set -f
    case $program in *'~') continue ;; esac
    [ -f "$program" ] && [ -x "$program" ] || continue
    ran=$ran$program$newline
    [ "$wanted" != post ] || ! logged "posted $program " || continue
    # shellcheck disable=SC2016 # the hook's own shell expands it
    command='exec "$1"' argument=$program detail=''
    perform "$wanted" "$whose" - "$1" - || set -- "$1" 1
    [ "$wanted" != post ] || journal "posted $program "
    [ "$2" -eq 0 ] || [ "$wanted" = post ] || break
  done
  set -f
  return "$2"
}

# run_moment MOMENT LINEAGES: the directories' hooks, then the request's own.
run_moment() {
  in_directories "$1" "$2" || return 1
  each hook "run_$1"
}

run_pre() {
  [ "$2" = pre ] || return 0
  configured "$@"
}

# deploy cert LINEAGE ...: its own hooks, one lineage after another.
deploy() {
  for_lineage=$2
  journal "deploy $2 - " || return 1
  run_moment deploy "$2" || { why="deploy hook of $for_lineage failed" && return 1; }
}
run_deploy() {
  [ "$2" = deploy ] && [ "$3" = "$for_lineage" ] || return 0
  journal "deploy $3 $4 " || return 1
  configured "$@"
}

# deploy_together hook MOMENT LINEAGES ...: one that several lineages share.
deploy_together() {
  case $2:$3 in deploy:*,*) ;; *) return 0 ;; esac
  journal "deploy $3 $4 " || return 1
  ran=
  configured "$@" || { why='a deploy hook failed' && return 1; }
}

# look hook MOMENT LINEAGE ...: whether the host serves what it should, as far as it is the host that looks.
look() {
  [ "$2" = verify ] || return 0
  ran=
  configured "$@" || { why="the host does not serve $3 as it should" && return 1; }
}

# post: every one runs, whatever the one before did; after a crash only those that had not ended.
post() {
  if ! logged 'posted - '; then
    in_directories post - || limping='a post hook failed'
    journal 'posted - '
  fi
  each hook run_post
}
run_post() {
  [ "$2" = post ] || return 0
  logged "posted $4 " && return 0
  configured "$@" || limping='a post hook failed'
  journal "posted $4 "
}

# --- Certificates: staged aside, activated by one rename -----------------------------------------------------

# stage cert LINEAGE GENERATION FINGERPRINT DOMAINS
stage() {
  say begin stage "$2" - 0
  why=''
  is_ours "$2" || why="$base/live/$2 is not a link that certfleet made; move it away or set another base"
  [ -n "$why" ] || { stage_files "$2" "$3" && each install place && why=''; }
  if [ -n "$why" ]; then
    step stage "$2" - error 1 "$why"
    return 1
  fi
  step stage "$2" - ok 0
}

# is_ours LINEAGE: whether its place is free, or a link of ours to a generation that is there. What is active is kept in
# $active, as `LINEAGE=GENERATION`.
is_ours() {
  if [ ! -e "$base/live/$1" ] && [ ! -L "$base/live/$1" ]; then
    active="$active $1=-"
    return 0
  fi
  set -- "$1" "$(readlink "$base/live/$1")"
  case ${2#"../archive/$1/"} in '' | *[!0-9]*) return 1 ;; esac
  active="$active $1=${2##*/}"
  [ -d "$base/archive/$1/${2##*/}" ]
}

# active_of LINEAGE: sets $old to what was active when it was staged; `-` is nothing.
active_of() {
  old=${active##*" $1="}
  old=${old%% *}
}

# stage_files LINEAGE GENERATION: into the generation's own folder, which nobody looks at before the link changes.
stage_files() {
  lineage=$1 dir=$base/archive/$1/$2 names='' expected=''
  active_of "$1"
  if [ -e "$dir" ]; then
    why="generation $2 on the host is not the one that was issued"
    if each file is_there && each hostkey key_is_there && each kept kept_is_there; then
      each file renew_file
      return
    fi
    if [ "$old" = "$2" ]; then
      why="$dir is active and holds another certificate; renew once more for a new generation"
      return 1
    fi
    each kept refuse_kept || return 1
    why=$(rm -rf "$dir" 2>&1 | one_line)
    [ -z "$why" ] || return 1
  fi
  each kept refuse_kept || return 1
  journal "stage $1 $2 " || return 1
  umask 022
  mkdir -p "$dir" "$base/live" 2>/dev/null || why=$(mkdir -p "$dir" "$base/live" 2>&1 | one_line)
  umask 077
  [ -d "$dir" ] || return 1
  each file write_file || return 1
  why="the files in $dir cannot be written; is the disk full?"
  # A full disk can leave a short file behind a command that ended well.
  # shellcheck disable=SC2086 # names of ours
  [ -z "$names" ] || [ "$(cd "$dir" && exec cat $names)" = "${expected%"$newline"}" ] || return 1
  each hostkey write_hostkey
}

same() { cmp -s "$1" "$2" 2>/dev/null; }

# is_there file LINEAGE NAME MODE CONTENT: whether the generation has it already. A keystore has other bytes each time
# that it is made of the same certificate.
is_there() {
  case $2:$3 in "$lineage":*.pem) ;; *) return 0 ;; esac
  [ -f "$dir/$3" ] && content_is "$dir/$3" "$5"
}
renew_file() {
  case $2:$3 in "$lineage":*.pem) return 0 ;; esac
  [ "$2" = "$lineage" ] || return 0
  # The generation may be active: whoever reads it finds the old file or the new one.
  write_file "$1" "$2" "$3.new" "$4" "$5" && mv -f "$dir/$3.new" "$dir/$3" 2>/dev/null
}

# content_is FILE FIELD
content_is() {
  case $2 in
    =*) [ "$(base64 <"$1" | tr -d '\n')" = "${2#=}" ] ;;
    *)
      decode "$2"
      [ "$(cat "$1" && echo .)" = "$decoded." ]
      ;;
  esac
}

# write_file file LINEAGE NAME MODE CONTENT: an empty chain.pem is right for a CA without intermediates.
write_file() {
  [ "$2" = "$lineage" ] || return 0
  is_name "$3" || { why="'$3' cannot be a file's name" && return 1; }
  why="$dir/$3 cannot be written; is the disk full?"
  case $4 in 0644) umask 022 ;; esac
  case $5 in
    =*) { put "${5#=}" | base64 -d >"$dir/$3"; } 2>/dev/null && content_is "$dir/$3" "$5" ;;
    *)
      decode "$5"
      names="$names${names:+ }$3" expected=$expected$decoded
      { put "$decoded" >"$dir/$3"; } 2>/dev/null
      ;;
  esac
  set -- "$?"
  umask 077
  return "$1"
}

# hostkey LINEAGE ID GENERATION: the key that this host has made for the certificate, or has in its place already.
key_is_there() { [ "$2" != "$lineage" ] || [ -f "$dir/privkey.pem" ]; }
write_hostkey() {
  [ "$2" = "$lineage" ] || return 0
  is_name "$3" || { why="'$3' cannot be a key's name" && return 1; }
  set -- "$2" "$state/keys/$2/$3.pem"
  why="the key that this host made for the certificate is gone; make new ones: certfleet cert renew $1"
  [ -f "$2" ] || return 1
  why="$dir/privkey.pem cannot be written; is the disk full?"
  cp "$2" "$dir/privkey.pem" 2>/dev/null && chmod 600 "$dir/privkey.pem" && same "$2" "$dir/privkey.pem" || return 1
  need_openssl || return 1
  why="the key that this host made does not belong to the certificate"
  [ "$(openssl x509 -noout -pubkey -in "$dir/cert.pem" 2>&1)" = "$(openssl pkey -pubout -in "$2" 2>&1)" ]
}

# forget_key hostkey LINEAGE ID ...: it rests beside its certificate now.
forget_key() { rm -f "$state/keys/$2/$3.pem"; }

# kept LINEAGE GENERATION: one that the host is to have still, so its key is not sent again.
kept_is_there() { [ "$2" != "$lineage" ] || [ -f "$dir/privkey.pem" ]; }
refuse_kept() {
  [ "$2" = "$lineage" ] || return 0
  [ -f "$dir/privkey.pem" ] || why="generation $3 is not on the host any more"
  why="$why; bring the host forward: certfleet cert renew $2"
  return 1
}

# announce cert LINEAGE GENERATION ...
announce() {
  active_of "$2"
  journal "activate $2 $3 $old"
}

# activate cert LINEAGE GENERATION ...: one rename, so that certificate and key change together.
activate() {
  say begin activate "$2" - 0
  if point "$2" "$3" 2>/dev/null || why=$(point "$2" "$3" 2>&1); then
    step activate "$2" - ok 0
  else
    why=$(put "$why" | one_line)
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

# point LINEAGE GENERATION: plain mv would move the new link into the folder that the old one points to.
point() { ln -sfn "../archive/$1/$2" "$state/link" && mv -T "$state/link" "$base/live/$1"; }

# tidy cert LINEAGE GENERATION ...: keeps three generations, and the active one whatever its number.
tidy() {
  set +f
  set -- "$3" "$base/archive/$2"/*
  set -f
  [ "$#" -gt 4 ] || return 0
  for folder in "$@"; do
    number=${folder##*/}
    case $folder:$number in "$1":* | *:*[!0-9]*) continue ;; esac
    newer=0
    for entry in "$@"; do
      case ${entry##*/} in *[!0-9]*) continue ;; esac
      [ "$entry" = "$1" ] || [ "${entry##*/}" -le "$number" ] || newer=$((newer + 1))
    done
    [ "$newer" -lt 3 ] || [ "$number" = "$1" ] || rm -rf "$folder"
  done
}

# --- Further files: staged beside their destination, and all of one folder renamed by one command --------------

# destination PATH ALLOWED: sets $path to where a file is to be, $folder to the folder, $file to its name there, and
# $staging to where it waits: beside it, so that it takes its place by a rename. Where others may write, they could put
# anything there: it waits at home.
destination() {
  decode_path "$1" || return 1
  case +$2+ in *+symlink+*) [ ! -L "$path" ] || path=$(readlink -f "$path") ;; esac
  folder=${path%/*} file=${path##*/}
  [ -n "$folder" ] || folder=/
  staging=${folder%/}/.certfleet-staging
  case +$2+ in *+shared+*) ;; *) return 0 ;; esac
  IFS=/
  # shellcheck disable=SC2086 # its parts
  set -- $folder
  IFS=%
  staging=$state/staging/$*
  IFS=' '
}

# place_is_safe install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: nobody but root and the agent's user may be able to
# put another file there, or a link to somewhere else.
place_is_safe() {
  destination "$8" "$7" || return 1
  set -- "$@" "$path"
  if [ -L "$path" ]; then
    complain "$path is a symbolic link; name what it points to, or say allow: 'symlink'"
  elif [ -z "$path" ]; then
    decode_path "$8"
    complain "$path is a symbolic link that leads nowhere; make what it points to, or remove it"
  elif [ ! -d "$folder" ]; then
    complain "$folder is not a folder on the host; make it first, with the owner and mode it is to have"
  elif [ -e "$path" ] && [ ! -f "$path" ]; then
    complain "$path is not a file"
  elif [ ! -w "$folder" ]; then
    complain "$folder cannot be written by $(id -un)"
  else
    decode_path "$8"
    set -- "$5" "$6" "$7" "$(
      cd -P "$folder" 2>/dev/null && put "$PWD$newline" || exit
      [ "$folder" = "$PWD" ] || (with_parents "$folder")
      [ "$path" = "$9" ] || (each_link "$path")
      with_parents "$PWD"
    )" "$9" "$path"
    path=$5
    case "${4%%"$newline"*}/" in
      "$base"/*)
        complain "$path is in $base, which is certfleet's own; name another folder"
        return 0
        ;;
    esac
    case +$3+ in *+shared+*) ;; *)
      folders_are_safe "${4#*"$newline"}" "${4%%"$newline"*}" || {
        complain "$unsafe can be written by others, who could replace $6; mend its mode and owner, or say allow: 'shared'"
        return 0
      }
      ;;
    esac
    case +$3+$folder in
      *+shared+*%*) complain "$folder has a % in its name; no file is placed there with allow: 'shared'" ;;
    esac
    [ "$1" = - ] || id "$1" >/dev/null 2>&1 || complain "there is no user '$1' on the host, who is to own $path"
    [ "$1$2" = -- ] || [ "$(id -u)" -eq 0 ] || complain "only root can give $path an owner; set become: true"
  fi
}

# place install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: beside the destination, with the owner and the mode that it
# will have; and the old one as a second link, for going back.
place() {
  [ "$2" = "$lineage" ] && destination "$8" "$7" || return 0
  has_parts "$3" || {
    why="$path was declared after generation ${dir##*/} was issued, which has no '$missing' on the host; bring the host forward: certfleet cert renew $2"
    return 1
  }
  if [ -e "$path" ]; then entry=old; else entry=none; fi
  journal "install $entry $path" || return 1
  why=$(place_beside "$3" "$4" "$5" "$6" 2>&1 | one_line)
  [ -z "$why" ] || return 1
  sync_to "$folder"
}
place_beside() {
  mkdir -p "$staging/new" "$staging/old" || return 1
  rm -f "$staging/old/$file"
  (parts "$1") >"$staging/new/$file" && (parts "$1") | cmp - "$staging/new/$file" &&
    chmod "$2" "$staging/new/$file" || return 1
  case $3:$4 in
    -:-) ;;
    -:*) chgrp "$4" "$staging/new/$file" ;;
    *:-) chown "$3" "$staging/new/$file" ;;
    *) chown "$3:$4" "$staging/new/$file" ;;
  esac || return 1
  [ -e "$path" ] || return 0
  # Where others may write, they could turn the path meanwhile, and a link would keep them in possession of it.
  case $staging in "$state"/*) ;; *) ! ln "$path" "$staging/old/$file" 2>/dev/null || return 0 ;; esac
  cp -pP "$path" "$staging/old/$file"
}

# has_parts NAME[+NAME]...: sets $missing.
has_parts() {
  IFS=+
  for missing in $1; do
    [ -f "$dir/$missing" ] || break
    missing=
  done
  IFS=' '
  [ -z "$missing" ]
}

# parts NAME[+NAME]...: files of the generation, one after another.
parts() {
  cd "$dir" || return
  IFS=+
  # shellcheck disable=SC2086 # its parts
  exec cat $1
}

# install install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: all that is staged for its folder, by one command: an agent
# that is killed leaves none or all of them, so a certificate and its key in one folder change together.
install() {
  destination "$8" "$7" || return 1
  [ -e "$staging/new/$file" ] || return 0
  why=$(move_all "$staging/new" | one_line)
  if [ -n "$why" ]; then
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

# move_all FOLDER: what is in it, to $folder; says what keeps it from that.
move_all() {
  set +f
  for entry in "$1"/* "$1"/.*; do
    case $entry in */. | */..) continue ;; esac
    [ ! -e "$entry" ] || set -- "$@" "$entry"
  done
  set -f
  shift
  [ "$#" -eq 0 ] || mv -f "$@" "$folder/" 2>&1
}

# label install ...: SELinux's context goes by the place.
label() {
  destination "$8" "$7" && { restorecon "$path" >/dev/null 2>&1 || true; }
}

# take_back install ...: what was in its folder before, by one command too. Done again, it changes nothing more.
take_back() {
  destination "$8" "$7" || return 0
  if [ ! -d "$staging" ]; then
    # An undo that was cut off has been here.
    ! logged "taking back $path" || ending=rolled_back
    return 0
  fi
  if [ ! -e "$staging/new/$file" ] && { logged "install old $path" || logged "install none $path"; }; then
    ending=rolled_back
    journal "taking back $path" || true
  fi
  set --
  while IFS= read -r entry; do
    file=${entry##*/}
    [ "$entry" = "install none ${folder%/}/$file" ] && [ ! -e "$staging/new/$file" ] || continue
    [ ! -e "$folder/$file" ] || set -- "$@" "$folder/$file"
  done <"$state/journal"
  [ "$#" -eq 0 ] || rm -f "$@" 2>/dev/null || dirty=yes
  [ -z "$(move_all "$staging/old")" ] || dirty=yes
}

# clear install ...
clear() {
  destination "$8" "$7" && [ -d "$staging" ] && rm -rf "$staging"
  return 0
}

# --- Going back ----------------------------------------------------------------------------------------------

# undo TEXT: from whatever the journal says was begun, back to the pair before it. It serves a failed step and a
# visit that was cut off alike.
undo() {
  if [ -n "$stays" ] && logged 'activated'; then
    leave "$1"
    return
  fi
  dirty='' ending=failed_clean action=rollback failed_domains=$all_domains limping=
  each cert restore
  if logged 'installing'; then
    each install take_back
    each install label
  fi
  each install clear
  if logged 'deploy '; then
    each cert deploy_again
    each hook deploy_together_again
    [ "$ending" = failed_clean ] || each hook look_again
  fi
  if logged 'pre' || logged 'activate '; then post; fi
  each cert discard
  [ -z "$dirty$stuck" ] || ending=failed_dirty
  finish "$ending" "$1${stuck:+; $stuck}"
  action=deploy failed_domains=
}

# leave TEXT: as it is, for a person to look at: the request wants no way back.
leave() {
  failed_domains=$all_domains limping=
  post
  each install clear
  finish failed_dirty "$1; it was left as it is"
  failed_domains=
}

# restore cert LINEAGE GENERATION ...: one that cannot be restored does not keep the others from it.
restore() {
  logged "activate $2 $3 " || return 0
  set -- "$2" "$3" "${entry##* }"
  [ "$2" = "$3" ] && return 0
  if [ "$(readlink "$base/live/$1")" != "../archive/$1/$2" ]; then
    # An undo that was cut off has been here.
    ! logged "restoring $1 " || ending=rolled_back
    return 0
  fi
  # Going back matters more than that it is written.
  journal "restoring $1 " || true
  say begin "${recovering:-revert}" "$1" - 0
  if [ "$3" = - ]; then
    problem=$(rm -f "$base/live/$1" 2>&1)
  else
    problem=$(point "$1" "$3" 2>&1)
  fi
  if [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ]; then
    step "${recovering:-revert}" "$1" - error 1 "$(put "$problem" | one_line)"
    dirty=yes
    return 0
  fi
  ending=rolled_back
  if [ "$3" = - ]; then set -- "$1" "$2" none; fi
  step "${recovering:-revert}" "$1" - ok 0 "generation $2 to $3"
}

# deploy_again cert LINEAGE ...: a deploy hook whose run had started runs once more, now for the old pair. Where there was
# none before, there is nothing to deploy.
deploy_again() {
  had_one_before "$2" && logged "deploy $2 " || return 0
  for_lineage=$2
  in_directories deploy "$2" || dirty=yes
  each hook run_again
}
run_again() {
  [ "$2:$3" = "deploy:$for_lineage" ] && logged "deploy $3 $4 " || return 0
  configured "$@" || dirty=yes
}
deploy_together_again() {
  case $2:$3 in deploy:*,*) ;; *) return 0 ;; esac
  logged "deploy $3 $4 " && any_had_one_before "$3" || return 0
  ran=
  configured "$@" || dirty=yes
}
look_again() {
  [ "$2" = verify ] && had_one_before "${3%%,*}" || return 0
  look "$@" || dirty=yes
}

# had_one_before LINEAGE: a generation of certfleet's, or a file of somebody's where one of its files went.
had_one_before() {
  if logged "activate $1 " && [ "${entry##* }" != - ]; then return 0; fi
  owner=$1 found=
  each install had_file_before
  [ -n "$found" ]
}
had_file_before() {
  [ "$2" = "$owner" ] && destination "$8" "$7" && logged "install old $path" && found=yes
  return 0
}

# any_had_one_before LINEAGES: with commas between them.
any_had_one_before() {
  IFS=,
  # shellcheck disable=SC2086 # its names
  set -- $1
  IFS=' '
  for whose in "$@"; do
    ! had_one_before "$whose" || return 0
  done
  return 1
}

# discard cert LINEAGE GENERATION ...: what was staged and did not stay goes, with its key.
discard() {
  logged "stage $2 $3 " || return 0
  [ "$(readlink "$base/live/$2")" = "../archive/$2/$3" ] || rm -rf "${base:?}/archive/$2/$3"
}

# recover: brings a visit that was cut off to its end, from its own journal and plan.
recover() {
  [ -f "$state/plan" ] && [ -f "$state/journal" ] || return 0
  logged 'end ' && return 0
  set -- "$plan" "$base"
  recovering=recover
  load "$(cat "$state/plan")"
  base=$2 state=$2/.certfleet
  open_journal
  say begin recover - - 0
  if logged confirmed; then
    keep
  else
    undo 'the visit was cut off; the next one undid it'
  fi
  recovering='' limping=
  logged 'end '
  step recover - - ok 0 "${entry#end }"
  load "$1"
  base=$2 state=$2/.certfleet
}

# --- Errands: what issuing needs of a host, beside any visit -------------------------------------------------

need_openssl() {
  command -v openssl >/dev/null 2>&1 && return 0
  why="the command 'openssl' is missing on the host, which makes its keys itself; install it"
  return 1
}

# token token WHAT WEBROOT NAME CONTENT: a proof of control for the host's web server; RFC 8555 8.3 says where.
token() {
  case $4 in '' | *[!A-Za-z0-9_-]*) why="'$4' is not a token" && return 1 ;; esac
  decode_path "$3" || return 1
  set -- "$2" "$path" "$path/.well-known/acme-challenge" "$4" "${5:-}"
  if [ "$1" = remove ]; then
    why=$(rm -f "$3/$4" "$3/.$4" 2>&1 | one_line)
    [ ! -e "$3/$4" ]
    return
  fi
  why="the webroot $2 is not a folder on this host"
  [ -d "$2" ] || return 1
  why="$3 is, or is below, a symbolic link; name the folder that it leads to as the webroot"
  [ ! -L "$2/.well-known" ] && [ ! -L "$3" ] || return 1
  [ -d "$3" ] || why=$(umask 022 && mkdir -p "$3" 2>&1 | one_line)
  [ -d "$3" ] || return 1
  why="$3/$4 cannot be written by $(id -un); set become: true, or check the webroot"
  decode "$5"
  # The folder may be the web server's: what is written is made here and nowhere else (O_EXCL).
  rm -f "$3/.$4" 2>/dev/null
  (umask 022 && set -C && put "$decoded" >"$3/.$4") 2>/dev/null && mv -fT "$3/.$4" "$3/$4" 2>/dev/null &&
    content_is "$3/$4" "$5"
}

# make_key key LINEAGE ID TYPE REUSE NAMES: a key for a new certificate, and the request for it on stdout's frame.
make_key() {
  why="'$2 $3' cannot name a key"
  is_name "$2" && is_name "$3" || return 1
  need_openssl || return 1
  why="'$6' cannot be names for a certificate"
  decode "$6" && case $decoded in '' | *[!A-Za-z0-9.*:,-]*) return 1 ;; esac
  set -- "$2" "$state/keys/$2/$3" "$4" "$5" "$decoded"
  why=$(mkdir -p "$state/keys/$1" 2>&1 | one_line)
  [ -d "$state/keys/$1" ] || return 1
  if [ "$4" = yes ] && [ -f "$base/live/$1/privkey.pem" ]; then
    why=$(cp "$base/live/$1/privkey.pem" "$2.pem" 2>&1) || return 1
  elif [ ! -f "$2.pem" ]; then
    case $3 in
      ecdsa-p256) set -- "$@" EC ec_paramgen_curve:P-256 ;;
      ecdsa-p384) set -- "$@" EC ec_paramgen_curve:P-384 ;;
      rsa-*) set -- "$@" RSA "rsa_keygen_bits:${3#rsa-}" ;;
      *) why="'$3' is not a kind of key" && return 1 ;;
    esac
    if ! why=$(openssl genpkey -algorithm "$6" -pkeyopt "$7" -out "$2.new" 2>&1 >/dev/null); then
      why=$(put "$why" | one_line)
      return 1
    fi
    mv "$2.new" "$2.pem"
  fi
  { put "[req]
distinguished_name=subject
req_extensions=extensions
[subject]
[extensions]
subjectAltName=$5
" >"$2.cnf"; } 2>/dev/null
  if ! openssl req -new -sha256 -config "$2.cnf" -key "$2.pem" -subj / -out "$2.csr" 2>"$2.err"; then
    why=$(one_line <"$2.err")
    return 1
  fi
  sync_to "$state/keys/$1"
  text=$(cat "$2.csr")$newline
  send stdout
  rm -f "$2.cnf" "$2.csr" "$2.err"
  # Those of certificates that never came, or that never got here.
  # shellcheck disable=SC2012 # the names are ours
  ls -t "$state/keys/$1" | tail -n +4 | while IFS= read -r old; do rm -f "$state/keys/$1/$old"; done
}

# errand: everything that its records ask for, or why not.
errand() {
  say hello "$version" "$(date +%s)"
  why=''
  each base permit_base && each token permit_token && each key permit_lineage || { say end failed_clean "$why"; return; }
  case $newline$plan in
    *"${newline}key "*) prepare || { say end failed_clean "$why"; return; } ;;
  esac
  if each token token && each key make_key; then say end ok; else say end failed_clean "$why"; fi
}

# --- Before anything is done ---------------------------------------------------------------------------------

# complain TEXT: everything that is wrong is told at once.
complain() {
  complaint=$1
  step preflight - - error 1 "$1"
}

# preflight: whether all that a visit needs is there. Fails when something is not; each is told.
preflight() {
  complaint=''
  skew=$((now - clock))
  if [ "$clock" -gt 0 ] && { [ "$skew" -gt 300 ] || [ "$skew" -lt -300 ]; }; then
    complain "the host's clock is $skew seconds from the controller's, 300 are allowed; set it (is its time service running?)"
  fi
  each cert permit_lineage && each hostkey permit_lineage || complain "$why"
  each hook permit_hook || complain "$why"
  each directory permit_directory || complain "$why"
  each directory is_folder
  each install permit_file || complain "$why"
  each need is_found
  each hook user_is_known
  each install place_is_safe
  enough_space
  [ -z "$complaint" ]
}

# enough_space: a visit writes some ten kilobytes for each certificate, to the base and to where its files go.
enough_space() {
  places=$base
  each install add_folder
  IFS=$newline
  # shellcheck disable=SC2046,SC2086 # its lines, and the places
  set -- $(exec df -Pk $places 2>/dev/null)
  [ "$#" -eq 0 ] || shift
  for listed in "$@"; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    has_space $listed || complain "$why"
  done
  IFS=' '
}
add_folder() { destination "$8" "$7" && [ -d "$folder" ] && places=$places$newline$folder; }

# has_space SYSTEM KIBIBYTES USED FREE ...: `df -P` in POSIX.
has_space() {
  case ${4:-} in '' | *[!0-9]*) return 0 ;; esac
  why="only $4 KiB are free at ${listed#*% }, 1024 are needed"
  [ "$4" -ge 1024 ]
}

# is_folder directory SECONDS FOLDER
is_folder() {
  decode_path "$3"
  [ -d "$path" ] || complain "the folder of hooks $path is not there; make it on the host, or correct 'directories'"
}

# is_found need COMMAND WHAT: a command that a hook begins with.
is_found() {
  decode "$2"
  set -- "$decoded" "$3"
  command -v "$1" >/dev/null 2>&1 && return 0
  decode "$2"
  complain "the command '$1' is not found on the host; $decoded"
}

user_is_known() {
  [ "$6" != - ] || return 0
  if ! id "$6" >/dev/null 2>&1; then
    complain "there is no user '$6' on the host, as whom a hook is to run"
  elif [ "$(id -un)" != "$6" ] && [ "$(id -u)" -ne 0 ]; then
    complain "only root can run a hook as $6; set become: true"
  fi
}

# --- What an installed agent allows, by its configuration ------------------------------------------------------

# permits LINE: whether the configuration has it. An agent that comes with the request has none, and allows all: its
# key has a shell already.
permits() {
  [ -n "$allowed" ] || return 0
  case $1 in *"$newline"*) ;; *) case "$allowed$newline" in *"$newline$1$newline"*) return 0 ;; esac ;; esac
  why="$configuration does not allow '$1'"
  return 1
}

permit_lineage() { permits "certificate $2"; }
permit_file() { decode "$8" && permits "file $decoded $3 $4 $5:$6 $7"; }
permit_directory() { decode "$3" && permits "hooks-directory $decoded"; }
permit_token() { decode "$3" && permits "webroot $decoded"; }
permit_base() { decode "$2" && permits "base $decoded"; }

# permit_hook hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...: one of several lines stands there as
# it is sent.
permit_hook() {
  [ -n "$allowed" ] || return 0
  decode "$8" || return 1
  text=$decoded
  case $text in *"$newline"*) text=$8 ;; esac
  if [ "$6" = - ]; then permits "hook $text" || return 1; else permits "hook-as $6 $text" || return 1; fi
  shift 8
  while [ "$#" -gt 1 ]; do
    permits "environment $1" || return 1
    shift 2
  done
}

# --- A visit -------------------------------------------------------------------------------------------------

# visit: from the request to the end frame.
visit() {
  now=$(date +%s) active=''
  say hello "$version" "$now"
  say begin preflight - - 0
  each base permit_base && prepare || { refuse; return; }
  if ! lock 2; then
    step preflight - - error 1 'another visit holds the lock of this host'
    say end deferred 'another visit is under way on the host'
    return
  fi
  lock_hooks || {
    step preflight - - error 1 "$why"
    say end deferred "$why"
    return
  }
  recover
  answered "$token" && return
  if [ -f "$state/journal" ] && read -r entry <"$state/journal" && [ "$epoch" -lt "${entry##* }" ]; then
    why="this controller's epoch $epoch is older than ${entry##* }, which the host has seen; is it a copy of another?"
    refuse
    return
  fi
  preflight || { say end failed_clean "$complaint"; return; }
  begin_journal || { refuse; return; }
  step preflight - - ok 0
  each cert stage || { undo "$why"; return; }
  journal pre || { undo "$why"; return; }
  run_moment pre - || { undo 'a pre hook failed'; return; }
  each cert announce || { undo "$why"; return; }
  journal installing || { undo "$why"; return; }
  # Everything is on the disk before the first rename is: after a power failure the journal knows at least as much.
  sync_to "$state"
  each cert activate || { undo "$why"; return; }
  each install install || { undo "$why"; return; }
  journal activated || { undo "$why"; return; }
  if command -v restorecon >/dev/null 2>&1; then each install label; fi
  each cert deploy || { undo "$why"; return; }
  each hook deploy_together || { undo "$why"; return; }
  each hook look || { undo "$why"; return; }
  ask_controller || { undo "$why"; return; }
  journal confirmed || { undo "$why"; return; }
  keep
}

refuse() {
  step preflight - - error 1 "$why"
  say end failed_clean "$why"
}

# keep: what is left once the new pair is to stay.
keep() {
  post
  each cert tidy
  each install clear
  each hostkey forget_key
  if [ -n "$limping" ]; then finish degraded "$limping"; else finish ok; fi
}

# answered TOKEN: a visit that this host has ended already is told again and not done again.
answered() {
  logged "visit $1 " && logged 'end ' || return 1
  say "$entry"
}

# ask_controller: the controller looks at what the host serves and says whether it stays. Without a word in time,
# or when the connection is gone, the host goes back by itself.
ask_controller() {
  [ "$confirm" -gt 0 ] || return 0
  why="$state/pipe-events cannot be made; is the disk out of inodes?"
  begin_hooks || return 1
  forget_ticks
  say await "$confirm"
  hear &
  reader=$! why='no word from the controller'
  while [ "$ticks" -le "$confirm" ]; do
    next_event
    case "$event $number" in
      "word $nonce")
        case $value in
          commit) return 0 ;;
          'revert '*) why=${value#revert } ;;
        esac
        return 1
        ;;
      word*) return 1 ;;
    esac
  done
  kill -s KILL "$reader" 2>/dev/null
  return 1
}

# hear: the controller's word; none comes where the connection is gone.
hear() {
  exec 4<&- 5<&- 6<&- 8>&- 9>&- >/dev/null 2>&1
  IFS= read -r word <&3 || word=gone
  put "word $word$newline" >&7
}

# query TOKEN SECONDS: how a visit ended that the controller lost sight of.
query() {
  say hello "$version" "$(date +%s)"
  if ! each base permit_base; then
    say end failed_clean "$why"
  elif [ ! -d "$state" ]; then
    say end unknown_token
  elif ! prepare; then
    say end deferred "$why"
  elif ! lock "$1" || ! lock_hooks; then
    say end deferred 'the visit is still under way on the host'
  elif recover && answered "$token"; then
    true
  else
    say end unknown_token
  fi
}

# check: what a visit would look at before it begins, and nothing else.
check() {
  now=$(date +%s)
  say hello "$version" "$now"
  say begin preflight - - 0
  each base permit_base && prepare || { refuse; return; }
  preflight || { say end failed_clean "$complaint"; return; }
  step preflight - - ok 0
  say end ok
}

# start NONCE VERSION COMMAND
start() {
  nonce=$1
  set -f
  # Caught and not ignored: what is ignored here would be ignored by every program that a hook starts.
  trap : HUP PIPE
  exec 3<&0
  if [ "$2" != "$version" ]; then
    say end failed_clean "the agent on this host is of version $version and the controller asks one of version $2; install it anew"
    exit 0
  fi
  plan=$certfleet_request
  unset certfleet_request
  is_well_formed || {
    say end failed_clean "$why"
    exit 0
  }
  load "$plan"
  case $3 in
    query) query "$confirm" ;;
    errand) errand ;;
    check) check ;;
    visit) visit ;;
  esac
  exit 0
}

# certfleet_main NONCE VERSION COMMAND end: the line that starts everything. Its last word shows that the line is whole.
certfleet_main() {
  [ "${4:-}" = end ] || exit 1
  start "$1" "$2" "$3"
}

# certfleet_installed CONFIGURATION: the last line of an agent that is installed on a host. It reads the request as data;
# a script that comes before it is skipped. What the configuration does not name is not done.
certfleet_installed() {
  configuration=$1 allowed='' certfleet_request='' part=script
  while IFS= read -r line; do
    case $line in '' | '#'*) ;; *) allowed=$allowed$newline$line ;; esac
  done <"$configuration"
  [ -n "$allowed" ] || allowed=nothing
  while IFS= read -r line; do
    case $part:$line in
      script:"certfleet_request='"*)
        part=records
        line=${line#"certfleet_request='"}
        ;;
      script:* | records:*) [ "$part" = records ] || continue ;;
      start:'certfleet_main '*' end')
        set -f
        IFS=' '
        # shellcheck disable=SC2086 # its words
        set -- $line
        case $2 in *[!A-Za-z0-9]*) exit 1 ;; esac
        start "$2" "$3" "$4"
        ;;
      *) exit 1 ;;
    esac
    case $line in *"'") part=start ;; esac
    certfleet_request="$certfleet_request${certfleet_request:+$newline}${line%"'"}"
  done
  exit 1
}
