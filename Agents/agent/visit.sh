# --- A visit -------------------------------------------------------------------------------------------------

# visit: from the request to the end frame.
visit() {
  now=$(date +%s)
  hold hello "$version" "$now"
  say begin preflight - - 0
  is_permitted || { say end failed_clean "$why"; return; }
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
