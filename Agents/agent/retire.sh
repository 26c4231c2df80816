# --- Taking away what is not to be on the host any more -------------------------------------------------------

# A visit that retires goes the way of every other. Link and files are moved aside where others put theirs in place, so that they come back
# where a hook fails or the service still needs them; what is in the archive, with its keys, goes when the visit is confirmed.

# note_aside cert LINEAGE ...: which of its files are what certfleet put there. Others stay, and are told.
note_aside() {
  is_ours "$2" && { ! asks "certbot $2 back" || prepare_giving "$2"; } || return 1
  active_of "$2"
  dir=$base/archive/$2/$old
  own install note_file_aside
}
note_file_aside() {
  destination "$8" "$7" || return 0
  [ -e "$path" ] || return 0
  why="$folder was not found good"
  [ "$keeper" != nobody ] || return 1
  if is_what_was_put_there "$3"; then
    journal "install old $path"
  else
    [ "$why" = other ] || return 1
    told="${told:-not taken away, as they are not what certfleet put there:} $path"
  fi
}

# is_what_was_put_there NAME[+NAME]...: the file at $path. Else $why is `other`, or what kept it from being known.
is_what_was_put_there() {
  why=other
  has_parts "$1" || return 1
  if [ -z "$keeper" ]; then
    (parts "$1") | cmp -s - "$path"
  else
    with_parts "$1" hold "$file"
  fi
}

# is_noted LINE: whether the journal has that very line; another file's name may begin so.
is_noted() {
  while IFS= read -r entry; do
    [ "$entry" != "$1" ] || return 0
  done <"$state/journal"
  return 1
}

# move_aside install LINEAGE ...: a file, beside its place.
move_aside() {
  is_noted "install old $path" || return 0
  if [ -n "$keeper" ]; then
    within_quietly aside "$file" && return 0
  else
    why=$(move_beside 2>&1 | one_line)
    [ -n "$why" ] || return 0
  fi
  step activate "$2" - error 1 "$why"
  return 1
}

move_beside() {
  [ -d "$staging" ] || mkdir -m 700 "$staging" || return 1
  [ -d "$staging/old" ] || mkdir -m 700 "$staging/old" || return 1
  mv -f "$path" "$staging/old/$file"
}

# take_away LINEAGE, bring_back LINEAGE GENERATION: our link.
take_away() { if asks "certbot $1 back"; then hand_over "$1"; else rm -f "$base/live/$1"; fi; }
bring_back() { if asks "certbot $1 back"; then hand_back "$1"; else point "$1" "$2"; fi; }

# forget_lineage LINEAGE: all that was kept of it.
forget_lineage() {
  if asks "certbot $1 back"; then forget_given "$1"; else throw_away "$base/archive/$1" "$state/keys/$1"; fi
}
