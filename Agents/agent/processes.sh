# --- Processes: what runs beside the agent --------------------------------------------------------------------

# begin_hooks: the pipe by which everything that runs beside the agent talks to it, and a clock at its other end. As
# both ends are open here, nobody's end closes it.
begin_hooks() {
  [ -z "$clockwork" ] || return 0
  end_hooks
  remove_rubbish
  run=0 pipes=0 left=0 ticks=0
  note_environment
  make_pipes "$work/pipe-events"
  [ -p "$work/pipe-events" ] || return 1
  exec 7<>"$work/pipe-events"
  tick &
  clockwork=$!
}

# What runs beside the agent may outlive it: it must hold neither its lock nor its streams, and must not wait for a pipe
# that nobody has open any more. By `exec` and not on a command: a shell keeps a copy of what it redirects for a function.

# tick: when the agent is gone, nobody reads the pipe and the signal for that ends this. It is opened while the agent's
# own end is there too.
tick() {
  exec </dev/null 2>/dev/null >"$work/pipe-events"
  exec 3<&- 4<&- 5<&- 6<&- 7<&- 8>&- 9>&-
  while sleep 1; do echo tick; done
}

end_hooks() {
  [ -z "$clockwork" ] || kill "$clockwork" 2>/dev/null
  clockwork=
  exec 7<&-
  set +f
  set -- "$work"/pipe-* "$work"/stream-* "$work"/given-* "$work"/environment
  set -f
  for entry in "$@"; do
    [ ! -e "$entry" ] || {
      throw_away "$@"
      return
    }
  done
}

# make_pipes [PATH]: some more, by one command.
make_pipes() {
  for _ in 1 2 3 4 5 6 7; do
    pipes=$((pipes + 1))
    set -- "$@" "$work/pipe-$pipes-out" "$work/pipe-$pipes-err"
  done
  mkfifo "$@" 2>/dev/null
}

# next_pipes: a hook's own, for what an earlier one has left running writes to the earlier's.
next_pipes() {
  why="$work/pipe-... cannot be made; is the disk out of inodes?"
  begin_hooks || return 1
  run=$((run + 1))
  out=$work/pipe-$run-out err=$work/pipe-$run-err awaited=$run
  [ "$run" -le "$pipes" ] || make_pipes
  [ -p "$out" ] && [ -p "$err" ] || return 1
  exec 5<>"$out" 6<>"$err"
}

# beside NAME=VALUE... -- COMMAND...: runs it and tells its exit status. It keeps the hooks' lock for as long as the hook runs, and the pipes
# open, so that a hook is not disturbed when the agent is killed. A marker shows where a stream ends, for a child of the
# hook may hold it open; where the streams are drained there is none.
beside() {
  exec 3<&- 4<&- 9>&- </dev/null >/dev/null 2>&1
  # A hook's variable may be called as one of ours is: what is needed after it has names that none may have.
  certfleet_stream=$state/stream-$run certfleet_deadline=$state/deadline
  certfleet_ended="ended $run" certfleet_line=$newline certfleet_mark=$newline$nonce.$run$newline
  with_only "$@"
  set -- "$?"
  put "ended$certfleet_line" >"$certfleet_deadline"
  if [ -e "$certfleet_stream" ]; then
    set -- "$1" bare
  else
    set -- "$1" marked
    put "$certfleet_mark" >&5
    put "$certfleet_mark" >&6
  fi
  put "$certfleet_ended $*$certfleet_line" >&7
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
    case $entry in
      *[!A-Za-z0-9_]* | [!A-Za-z_]* | OPTIND) ;;
      certfleet_*) unset "$entry" ;;
      *) given="$given $entry" ;;
    esac
  done
  IFS=' '
}

# with_only NAME=VALUE... -- COMMAND...: runs the command, with these variables and no others. None is ever an argument, which everybody
# on the host could read (proc(5)). The command begins with a program and not with a variable.
with_only() {
  if [ -n "$given" ]; then
    # shellcheck disable=SC2086 # the names
    unset $given
    while [ "$1" != -- ]; do
      # shellcheck disable=SC2163 # NAME=VALUE
      export "$1"
      shift
    done
    shift
    "$@"
    return
  fi
  {
    while [ "$1" != -- ]; do
      quote "${1#*=}"
      put "export ${1%%=*}=$quoted$newline"
      shift
    done
  } >"$work/environment"
  shift
  env -i PATH="$PATH" /bin/sh -c "$take_environment" certfleet "$@" <"$work/environment"
}

# shellcheck disable=SC2016 # another shell expands it
take_environment='certfleet_text=
while IFS= read -r certfleet_line; do
  certfleet_text="$certfleet_text$certfleet_line
"
done
exec </dev/null
eval "unset certfleet_text certfleet_line
$certfleet_text"
exec "$@"'

# quote TEXT: sets $quoted to it as one word of a shell's.
quote() {
  set -- "$1" ''
  while case $1 in *"'"*) ;; *) false ;; esac do
    set -- "${1#*"'"}" "$2${1%%"'"*}'\\''"
  done
  quoted="'$2$1'"
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
    "ended $awaited") status=${value% *} marking=${value#* } ;;
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

signal_group() { read -r leader <"$work/group" && kill -s "$1" -- "-$leader" 2>/dev/null; }

# group_lives: a group that may not be signalled is there too.
group_lives() {
  read -r leader <"$work/group" || return 1
  set -- "$(kill -s 0 -- "-$leader" 2>&1 && echo there)"
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
  [ -z "$text" ] || unsent="$unsent@certfleet $nonce ${#text} output $1 ${#text}$newline$text$newline"
}

# await_drained: until both streams have ended, or the hook's children have held them open for two seconds.
await_drained() {
  forget_ticks
  while [ "$left" -gt 0 ] && [ "$ticks" -lt 3 ]; do next_event; done
  [ "$left" -gt 0 ] || return 0
  for entry in out err; do
    read -r leader <"$state/stream-$run/$entry/group" && kill -s KILL -- "-$leader" 2>/dev/null
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
  put "$unsent@certfleet $nonce $(($(wc -c <"$2/kept"))) output $1 $(($3 + dropped))$newline" 2>/dev/null
  unsent=''
  cat "$2/kept" 2>/dev/null
  put "$newline" 2>/dev/null
}
