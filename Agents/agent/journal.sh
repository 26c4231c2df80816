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
# it has an end, and its plan is asked for no more. Until the first effect of this one is written, no journal is as good.
begin_journal() {
  why="$state cannot be written; is the disk full?"
  {
    put "$plan$newline" >"$state/plan"
    put "visit $token $epoch$newline" >"$state/journal"
  } 2>/dev/null
  read -r entry <"$state/journal" && [ "$entry" = "visit $token $epoch" ] && [ -s "$state/plan" ] || return 1
  open_journal
}

# finish OUTCOME TEXT...: the visit's end, on disk before it is told.
finish() {
  end_hooks
  remove_rubbish
  journal "end $*"
  sync_to "$state"
  [ -n "$recovering" ] || say end "$@"
}

# throw_away PATH...: by one command for all, when the visit ends.
throw_away() {
  for entry in "$@"; do rubbish=$rubbish$entry$newline; done
}
remove_rubbish() {
  [ -n "$rubbish" ] || return 0
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- $rubbish
  IFS=' ' rubbish=''
  rm -rf "$@"
}

sync_to() { sync -f "$1" 2>/dev/null || sync; }
