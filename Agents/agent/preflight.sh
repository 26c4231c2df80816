# --- Before anything is done ---------------------------------------------------------------------------------

# complain TEXT: everything that is wrong is told at once.
complain() {
  complaint=$1
  step preflight - - error 1 "$1"
}

# preflight: whether all that a visit needs is there. Fails when something is not; each is told.
preflight() {
  complaint=''
  [ "$surveyed_for" = "$token" ] || survey_all
  note_first_look
  skew=$((now - clock))
  if [ "$clock" -gt 0 ] && { [ "$skew" -gt 300 ] || [ "$skew" -lt -300 ]; }; then
    complain "the host's clock is $skew seconds from the controller's, 300 are allowed; set it (is its time service running?)"
  fi
  each cert lineage_is_safe
  each certbot can_exchange
  each directory is_folder
  each need is_found
  each hook user_is_known
  each layout layout_is_possible
  each install place_is_safe
  enough_space
  [ -z "$complaint" ]
}

# lineage_is_safe cert LINEAGE GENERATION ...
lineage_is_safe() {
  ! flaw_of "$base/archive/$2" && ! flaw_of "$base/archive/$2/$3" || {
    explain 'or set another base'
    complain "$why"
  }
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
# What somebody else could exchange is opened by nobody but them.
add_folder() { destination "$8" "$7" && [ -z "$keeper" ] && [ -d "$folder" ] && places=$places$newline$folder; }

# has_space SYSTEM KIBIBYTES USED FREE ...: `df -P` in POSIX.
has_space() {
  case ${4:-} in '' | *[!0-9]*) return 0 ;; esac
  why="only $4 KiB are free at ${listed#*% }, 1024 are needed"
  [ "$4" -ge 1024 ]
}

# is_found need COMMAND WHAT: a command that a hook begins with.
is_found() {
  decode "$2"
  set -- "$decoded" "$3"
  command -v "$1" >/dev/null 2>&1 && return 0
  decode "$2"
  complain "the command '$1' is not found on the host; $decoded"
}

# layout_is_possible layout LINEAGE OWNER GROUP MODE
layout_is_possible() {
  [ "$3$4" = -- ] || [ "$self" -eq 0 ] || complain "only root can give the key of $2 an owner or a group; set become: true"
  [ "$3" = - ] || id "$3" >/dev/null 2>&1 || complain "there is no user '$3' on the host, who is to own the key of $2"
  [ "$4" = - ] || ! command -v getent >/dev/null 2>&1 || getent group "$4" >/dev/null 2>&1 ||
    complain "there is no group '$4' on the host, which is to read the key of $2"
}

user_is_known() {
  [ "$6" != - ] || return 0
  if ! id "$6" >/dev/null 2>&1; then
    complain "there is no user '$6' on the host, as whom a hook is to run"
  elif [ "$(id -un)" != "$6" ] && [ "$(id -u)" -ne 0 ]; then
    complain "only root can run a hook as $6; set become: true"
  fi
}
