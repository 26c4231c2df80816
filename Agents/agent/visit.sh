# --- A visit -------------------------------------------------------------------------------------------------

# visit: from the request to the end frame.
visit() {
  now=$(date +%s)
  hold hello "$version" "$now"
  say begin preflight - - 0
  permitted || { say end failed_clean "$why"; return; }
  prepare || { refuse; return; }
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
  base_is_its || { refuse; return; }
  preflight || { say end failed_clean "$complaint"; return; }
  remember_controller && begin_journal || { refuse; return; }
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

# base_is_its: whether this base belongs to the controller that asks, or to none yet, and has seen no later epoch of it.
base_is_its() {
  seen=0 entry=''
  [ ! -f "$state/journal" ] || read -r entry <"$state/journal" || entry=''
  ! is_number "${entry##* }" || seen=${entry##* }
  entry=''
  [ ! -f "$state/controller" ] || read -r entry <"$state/controller" || entry=''
  # shellcheck disable=SC2086 # its fields
  set -- $entry
  if controller_is_valid controller "$@"; then
    [ "$1" = "${controller_id:-$1}" ] || {
      why="this base belongs to the controller $2 ($1), which was here last at $(date -u -d "@$4" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || put "$4 s"); if it is this one's now, take it over: certfleet host claim $host"
      return 1
    }
    seen=$3
  fi
  # A preflight alone has none.
  [ "$epoch" -eq 0 ] || epoch_is_next "$seen"
}

# remember_controller: whose this base is from now on.
remember_controller() {
  [ -n "$controller_id" ] || return 0
  why="$state/controller cannot be written; is the disk full?"
  { put "$controller_id $controller_name $epoch $clock$newline" >"$state/controller"; } 2>/dev/null &&
    read -r entry <"$state/controller" && [ "$entry" = "$controller_id $controller_name $epoch $clock" ]
}

# claim: this base is the asking controller's from now on, whosever it was; a person has said so. What was begun there comes to its end first.
claim() {
  hold hello "$version" 0
  permitted || { say end failed_clean "$why"; return; }
  prepare || { say end failed_clean "$why"; return; }
  if ! lock 2 || ! lock_hooks; then
    say end failed_clean 'a visit is under way on the host; try again when it has ended'
    return
  fi
  recover
  tell_controller
  why='nobody asks for it'
  [ -n "$controller_id" ] && remember_controller || { say end failed_clean "$why"; return; }
  sync_to "$state"
  say end ok
}

# epoch_is_next SEEN: none that is older than one that was seen here; and of an installed agent none that is so far ahead that nobody
# could come after it.
epoch_is_next() {
  why="this controller's epoch $epoch is older than $1, which the host has seen; is it a copy of another? If the host is this one's now: certfleet host claim $host"
  [ "$epoch" -ge "$1" ] || return 1
  why="the epoch $epoch cannot be: the host has seen $1"
  [ -z "$allowed" ] || [ "$epoch" -le "$(($1 + 100000))" ]
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
  if ! permitted; then
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
  hold hello "$version" "$now"
  say begin preflight - - 0
  permitted || { say end failed_clean "$why"; return; }
  prepare || { refuse; return; }
  base_is_its || { refuse; return; }
  preflight || { say end failed_clean "$complaint"; return; }
  step preflight - - ok 0
  say end ok
}
