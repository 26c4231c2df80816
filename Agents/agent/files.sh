# --- Further files: staged beside their destination, and all of one folder renamed by one command --------------

# destination PATH ALLOWED: sets $path to where a file is to be, $folder to the folder, $file to its name there, $staging to where
# it waits: beside it, so that it takes its place by a rename; and $keeper and $within, as `keeper_of` has them, to
# who acts there; `nobody` where it was not found good.
destination() {
  decode_path "$1" || return 1
  case $2 in symlink) [ ! -L "$path" ] || path=$(readlink -f "$path") ;; esac
  folder=${path%/*} file=${path##*/}
  [ -n "$folder" ] || folder=/
  staging=${folder%/}/.certfleet-staging
  keeper=nobody
  spot_of "$2$tab$folder" || return 0
  eval "keeper=\$keeper_$spot keeper_group=\$group_$spot within=\$within_$spot"
  [ -z "$keeper" ] || staging=$within/.certfleet-$token
}

# spot_of ALLOWED_AND_FOLDER: sets $spot to its number among the folders that were found good, as `slot_of` does for certificates.
spot_of() {
  tried=0
  until [ "$spot" -le "$spots" ] && eval "[ \"\${spot_$spot:-}\" = \"\$1\" ]"; do
    spot=$((spot + 1)) tried=$((tried + 1))
    [ "$spot" -le "$spots" ] || spot=1
    [ "$tried" -le "$spots" ] || return 1
  done
}

# find_keeper ALLOWED: of $folder, for `destination`. Fails with $why where nothing may be done.
find_keeper() {
  [ "$keeper" = nobody ] || return 0
  [ "$surveyed_for" = "$token" ] || survey_all
  # A link may lead to a folder by another name than any that was looked at.
  is_surveyed "$folder" || survey "$folder"
  case $1 in
    shared) keeper_of "$folder" || return 1 ;;
    *)
      keeper='' within=$folder
      [ -z "$winding" ] || within=$(cd -P "$folder" 2>/dev/null && put "$PWD")
      ! flaw_of "$folder" || {
        explain "or say allow: 'shared' to have it done by whom the folder belongs to"
        return 1
      }
      ;;
  esac
  spots=$((spots + 1))
  spot=$spots
  eval "spot_$spots=\$1\$tab\$folder keeper_$spots=\$keeper group_$spots=\$keeper_group within_$spots=\$within"
}

# place_is_safe install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: nobody but root and the agent's user may be able to
# put another file there, or a link to somewhere else.
place_is_safe() {
  destination "$8" "$7" || return 1
  if [ -n "$retires" ] && [ ! -e "$path" ] && [ ! -L "$path" ]; then return 0; fi
  if [ -L "$path" ]; then
    complain "$path is a symbolic link; name what it points to, or say allow: 'symlink'"
  elif [ -z "$path" ]; then
    decode_path "$8"
    complain "$path is a symbolic link that leads nowhere; make what it points to, or remove it"
  elif [ ! -d "$folder" ]; then
    complain "$folder is not a folder on the host; make it first, with the owner and mode it is to have"
  elif [ -e "$path" ] && [ ! -f "$path" ]; then
    complain "$path is not a file"
  elif ! link_is_ours "$7" "$8" || ! find_keeper "$7"; then
    complain "$path: $why"
  else
    case $within/ in
      "$base"/*)
        complain "$path is in $base, which is certfleet's own; name another folder"
        return 0
        ;;
    esac
    [ -n "$retires" ] || owner_is_possible "$5" "$6" || complain "$why"
  fi
}

# link_is_ours ALLOWED PATH: whether nobody else can turn a link that is to be followed.
link_is_ours() {
  [ "$1" = symlink ] || return 0
  set -- "$path" "$2"
  decode_path "$2"
  set -- "$1" "$path"
  path=$1
  [ "$1" != "$2" ] || return 0
  [ "$surveyed_for" = "$token" ] || survey_all
  flaw_of "$2" || return 0
  # The file itself is replaced, whosever it is.
  [ ! -f "$flaw" ] || [ -L "$flaw" ] || return 0
  explain 'or name what it points to'
  return 1
}

# owner_is_possible OWNER GROUP: of a file at $path.
owner_is_possible() {
  why="there is no user '$1' on the host, who is to own $path"
  [ "$1" = - ] || id "$1" >/dev/null 2>&1 || return 1
  case $keeper in
    '' | self)
      why="$folder cannot be written by $(id -un)"
      [ -w "$folder" ] || return 1
      why="only root can give $path an owner; set become: true"
      [ "$1$2" = -- ] || [ "$self" -eq 0 ]
      ;;
    *)
      why="$folder belongs to the user $keeper, as whom files are put there, and none can be $1's; leave out its owner, or make the folder root's"
      [ "$1" = - ] || [ "$(id -u "$1")" = "$keeper" ]
      ;;
  esac
}

# place install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: beside the destination, with the owner and the mode that it
# will have; and the old one as a second link, for going back.
place() {
  destination "$8" "$7" || return 0
  has_parts "$3" || {
    why="$path was declared after generation ${dir##*/} was issued, which has no '$missing' on the host; bring the host forward: certfleet cert renew $2"
    return 1
  }
  why="$folder was not found good"
  [ "$keeper" != nobody ] || return 1
  if [ -e "$path" ] || [ -L "$path" ]; then entry=old; else entry=none; fi
  journal "install $entry $path" || return 1
  if [ -n "$keeper" ]; then
    place_within "$3" "$4" "$5" "$6" || return 1
  else
    why=$(place_beside "$3" "$4" "$5" "$6" 2>&1 | one_line)
    [ -z "$why" ] || return 1
  fi
  [ -n "$keeper" ] || sync_to "$folder"
}
place_beside() {
  # No access list of the folder reaches what is made in one that only the agent can enter.
  [ -d "$staging/old" ] || {
    set -- "$@" "$staging/new" "$staging/old"
    if [ -d "$staging" ]; then rm -rf "$staging"; fi
    mkdir -m 700 "$staging" "$staging/new" "$staging/old" || return 1
  }
  rm -f "$staging/old/$file"
  (parts "$1") >"$staging/new/$file" && (parts "$1") | cmp - "$staging/new/$file" &&
    chmod "$2" "$staging/new/$file" && give "$3" "$4" "$staging/new/$file" || return 1
  [ ! -e "$path" ] || ln "$path" "$staging/old/$file" 2>/dev/null || cp -pP "$path" "$staging/old/$file"
}
place_within() {
  case $keeper in self) ;; *) set -- "$1" "$2" - "$4" ;; esac
  with_parts "$1" stage "$file" "$2" "$3" "$4"
}

# with_parts NAME[+NAME]... STEP ...: a step of $inside that has them on stdin.
with_parts() {
  given_file=$work/given-$((acts + 1))
  why="$given_file cannot be written; is the disk full?"
  rm -f "$given_file"
  (parts "$1") >"$given_file" 2>/dev/null || return 1
  shift
  exec 5<"$given_file"
  within "$@"
  set -- "$?"
  exec 5<&-
  rm -f "$given_file"
  return "$1"
}

# once LIST_NAME... : whether $within had that step yet in this visit; a step is for all files of a folder.
once() {
  case $done_within in *"$newline$1 $within$newline"*) return 1 ;; esac
  done_within=$done_within$newline$1\ $within$newline
}

# within_quietly STEP ...: one that needs nothing on stdin.
within_quietly() {
  exec 5</dev/null
  within "$@"
  set -- "$?"
  exec 5<&-
  return "$1"
}

# has_parts NAME[+NAME]...: sets $missing.
has_parts() {
  IFS=+
  for missing in $1; do
    [ -f "$dir/$missing" ] || break
    missing=
  done
  IFS=' '
  [ -z "$missing" ]
}

# parts NAME[+NAME]...: files of the generation, one after another.
parts() {
  cd "$dir" || return
  IFS=+
  # shellcheck disable=SC2086 # its parts
  exec cat $1
}

# install install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: all that is staged for its folder, by one command: an agent
# that is killed leaves none or all of them, so a certificate and its key in one folder change together.
install() {
  destination "$8" "$7" || return 1
  if [ -n "$retires" ]; then
    move_aside "$@"
    return
  fi
  if [ -n "$keeper" ]; then
    ! once install || within_quietly install || {
      step activate "$2" - error 1 "$why"
      return 1
    }
    return 0
  fi
  [ -e "$staging/new/$file" ] || return 0
  why=$(move_all "$staging/new" | one_line)
  if [ -n "$why" ]; then
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

# move_all FOLDER: what is in it, to $folder; says what keeps it from that.
move_all() {
  set +f
  for entry in "$1"/* "$1"/.*; do
    case $entry in */. | */..) continue ;; esac
    [ ! -e "$entry" ] || set -- "$@" "$entry"
  done
  set -f
  shift
  [ "$#" -eq 0 ] || mv -f "$@" "$folder/" 2>&1
}

# label install ...: SELinux's context goes by the place.
label() {
  destination "$8" "$7" && { [ -n "$keeper" ] || restorecon "$path" >/dev/null 2>&1 || true; }
}

# take_back install ...: what was in its folder before, by one command too. Done again, it changes nothing more.
take_back() {
  destination "$8" "$7" || return 0
  if [ "$keeper" = nobody ]; then
    ! logged "install old $path" && ! logged "install none $path" || dirty=yes
    return 0
  fi
  if [ ! -d "$staging" ]; then
    # An undo that was cut off has been here.
    ! logged "taking back $path" || ending=rolled_back
    return 0
  fi
  if [ ! -e "$staging/new/$file" ] && { logged "install old $path" || logged "install none $path"; }; then
    ending=rolled_back
    journal "taking back $path" || true
  fi
  [ -z "$keeper" ] || once back || return 0
  set --
  while IFS= read -r entry; do
    file=${entry##*/}
    [ "$entry" = "install none ${folder%/}/$file" ] || continue
    if [ -n "$keeper" ]; then
      set -- "$@" "$file"
    elif [ ! -e "$staging/new/$file" ] && [ -e "$folder/$file" ]; then
      set -- "$@" "$folder/$file"
    fi
  done <"$state/journal"
  if [ -n "$keeper" ]; then
    within_quietly back "$@" || dirty=yes
  else
    [ "$#" -eq 0 ] || rm -f "$@" 2>/dev/null || dirty=yes
    [ -z "$(move_all "$staging/old")" ] || dirty=yes
  fi
}

# clear install ...
clear() {
  destination "$8" "$7" && [ -d "$staging" ] || return 0
  case $keeper in
    '') throw_away "$staging" ;;
    nobody) ;;
    *) ! once clear || within_quietly clear || true ;;
  esac
}
