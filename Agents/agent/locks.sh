# --- Locks ----------------------------------------------------------------------------------------------------

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
