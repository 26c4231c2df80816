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
  each certbot undo_certbot
  [ -z "$dirty$stuck" ] || ending=failed_dirty
  finish "$ending" "$1${stuck:+; $stuck}"
  failed_domains=
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
  if ! is_active "$1" "$2"; then
    # An undo that was cut off has been here.
    ! logged "restoring $1 " || ending=rolled_back
    return 0
  fi
  # Going back matters more than that it is written.
  journal "restoring $1 " || true
  say begin "${recovering:-revert}" "$1" - 0
  if [ "$3" = - ]; then
    problem=$(rm -f "$base/live/$1" 2>&1)
  elif [ -n "$retires" ]; then
    problem=$(bring_back "$1" "$3" 2>&1)
  else
    problem=$(point "$1" "$3" 2>&1)
  fi
  if is_active "$1" "$2"; then
    step "${recovering:-revert}" "$1" - error 1 "$(put "$problem" | one_line)"
    dirty=yes
    return 0
  fi
  ending=rolled_back
  if [ "$3" = - ]; then set -- "$1" "$2" none; fi
  if [ -n "$retires" ]; then set -- "$1" none "$3"; fi
  step "${recovering:-revert}" "$1" - ok 0 "generation $2 to $3"
}
# is_active LINEAGE GENERATION: of what is taken away nothing is.
is_active() {
  if [ -n "$retires" ]; then
    [ ! -L "$base/live/$1" ]
  else
    [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ]
  fi
}

# deploy_again cert LINEAGE ...: a deploy hook whose run had started runs once more, now for the old pair. Where there was
# none before, there is nothing to deploy.
deploy_again() {
  had_one_before "$2" && logged "deploy $2 " || return 0
  for_lineage=$2
  slot_of "$2"
  in_directories deploy "$2" || dirty=yes
  slot_of "$2"
  own hook run_again
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
  found=
  slot_of "$1"
  own install had_file_before
  [ -n "$found" ]
}
had_file_before() {
  destination "$8" "$7" && logged "install old $path" && found=yes
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
  clear_building
  [ "$(readlink "$base/live/$2")" = "../archive/$2/$3" ] || rm -rf "${base:?}/archive/$2/$3"
}

# recover: brings a visit that was cut off to its end, from its own journal and plan.
recover() {
  [ -f "$state/plan" ] && [ -s "$state/journal" ] || return 0
  logged 'end ' && return 0
  set -- "$plan" "$base"
  recovering=recover
  load "$(cat "$state/plan")"
  fetch_parts
  base=$2 state=$2/.certfleet
  open_journal
  # Where files went may have changed hands meanwhile, and this plan names other places than the request.
  surveyed_for=
  each install find_again
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
  base=$2 state=$2/.certfleet spots=0 done_within=''
}

# fetch_parts: a visit comes with those parts of this script that it needs itself. What an earlier one needed may be others: the controller
# sends them when it is asked.
fetch_parts() {
  case $newline$plan$newline in *"${newline}install "* | *"${newline}directory "* | *"${newline}certbot "* | *"${newline}retire$newline"*) ;; *) return 0 ;; esac
  command -v take_back >/dev/null && command -v in_directory >/dev/null && return 0
  say more
  parts=''
  while IFS= read -r line <&3; do
    if [ "$line" = "$nonce end" ]; then
      eval "$parts"
      return 0
    fi
    parts=$parts$line$newline
  done
  # Whoever asked is gone, and nothing was done.
  exit 1
}

find_again() {
  destination "$8" "$7" && find_keeper "$7"
  return 0
}
