# --- Whose the base is: one controller's, until a person says another -------------------------------------------

# tell_controller: whose this base is.
tell_controller() {
  [ -f "$state/controller" ] && read -r entry <"$state/controller" 2>/dev/null || return 0
  # shellcheck disable=SC2086 # its fields
  set -- $entry
  controller_is_valid controller "$@" && hold controller "$@"
}

# base_is_its: whether this base belongs to the controller that asks, or to none yet, and has seen no later epoch of it.
base_is_its() {
  seen_epoch
  # shellcheck disable=SC2086 # its fields
  set -- $entry
  if controller_is_valid controller "$@"; then
    [ "$1" = "${controller_id:-$1}" ] || {
      why="this base belongs to the controller $2 ($1), which was here last at $(date -u -d "@$4" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || put "$4 s"); if it is this one's now, take it over: certfleet host claim $host"
      return 1
    }
  fi
  # A preflight alone has none.
  [ "$epoch" -eq 0 ] || epoch_is_next "$seen"
}

# seen_epoch: sets $seen to the highest epoch of whose this base is, and $entry to what is remembered of them.
seen_epoch() {
  seen=0 entry=''
  [ ! -f "$state/journal" ] || read -r entry <"$state/journal" || entry=''
  ! is_number "${entry##* }" || seen=${entry##* }
  entry=''
  [ -f "$state/controller" ] && read -r entry <"$state/controller" || return 0
  # shellcheck disable=SC2086 # its fields
  set -- $entry
  ! controller_is_valid controller "$@" || seen=$3
}

# remember_controller: whose this base is from now on.
remember_controller() {
  [ -n "$controller_id" ] || return 0
  why="$state/controller cannot be written; is the disk full?"
  { put "$controller_id $controller_name $epoch $clock$newline" >"$state/controller"; } 2>/dev/null &&
    read -r entry <"$state/controller" && [ "$entry" = "$controller_id $controller_name $epoch $clock" ]
}

# epoch_is_next SEEN: none that is older than one that was seen here; and of an installed agent none that is so far ahead that nobody
# could come after it.
epoch_is_next() {
  why="this controller's epoch $epoch is older than $1, which the host has seen; is it a copy of another? If the host is this one's now: certfleet host claim $host"
  [ "$epoch" -ge "$1" ] && epoch_is_possible "$1"
}
epoch_is_possible() {
  [ -z "$allowed" ] || [ "$epoch" -le "$(($1 + 100000))" ] || {
    why="the epoch $epoch cannot be: the host has seen $1"
    return 1
  }
}
