# --- An agent that is installed ----------------------------------------------------------------------------------

# certfleet_installed CONFIGURATION: the last line of an agent that is installed on a host. It reads the request as data;
# a script that comes before it is skipped. What the configuration does not name is not done.
certfleet_installed() {
  configuration=$1 allowed='' certfleet_request='' part=script met=' '
  while IFS= read -r line; do
    case $line in '' | '#'*) ;; *) allowed=$allowed$newline$line ;; esac
  done <"$configuration"
  [ -n "$allowed" ] || allowed=nothing
  # Whoever has the key may send anything, or nothing: what it takes to read it is bounded.
  read_by 120 &
  reader=$! bytes=0 records=0 latest=''
  # shellcheck disable=SC3045 # every shell that we know has -t
  ulimit -S -t 20 2>/dev/null
  while IFS= read -r line; do
    bytes=$((bytes + ${#line})) records=$((records + 1))
    if [ "$bytes" -gt 16777216 ] || [ "$records" -gt 25000 ]; then hang_up; fi
    case $part:$line in
      script:"certfleet_request='"*)
        part=records
        line=${line#"certfleet_request='"}
        ;;
      script:* | records:*) [ "$part" = records ] || continue ;;
      start:'certfleet_main '*' end')
        kill "$reader" 2>/dev/null
        certfleet_request=$certfleet_request$latest
        certfleet_request=${certfleet_request#"$newline"}
        set -f
        IFS=' '
        # shellcheck disable=SC2086 # its words
        set -- $line
        case $2 in *[!A-Za-z0-9]*) exit 1 ;; esac
        start "$2" "$3" "$4"
        ;;
      *) hang_up ;;
    esac
    case $line in *"'") part=start ;; esac
    latest=$latest$newline${line%"'"}
    # By pieces, as a shell copies the whole for each line that comes to it.
    [ "${#latest}" -lt 65536 ] || certfleet_request=$certfleet_request$latest latest=''
  done
  hang_up
}

hang_up() {
  kill "$reader" 2>/dev/null
  exit 1
}

# read_by SECONDS: ends the agent where its request is not there by then. Where the agent is gone its number may be another program's.
read_by() {
  exec </dev/null >/dev/null 2>&1
  note_start "$$"
  agent_started=$started
  sleep "$1" &
  sleeper=$!
  trap 'kill "$sleeper" 2>/dev/null; exit 0' TERM
  wait "$sleeper" || return 0
  note_start "$$"
  [ "$started" != "$agent_started" ] || kill -s KILL "$$"
}

# note_start PID: when it was started, as proc(5) counts (starttime); nothing where that cannot be read.
note_start() {
  started=''
  IFS= read -r started <"/proc/$1/stat" || return 0
  # shellcheck disable=SC2086 # its fields
  set -- ${started##*)}
  started=${20:-}
}
