# --- The base and what is in it -------------------------------------------------------------------------------

# prepare: tools and folders. Sets $why when it fails.
prepare() {
  missing=''
  for tool in $tools; do
    command -v "$tool" || missing=$tool
  done >/dev/null 2>&1
  [ -z "$missing" ] || {
    why="the command '$missing' is missing on the host; install it"
    return 1
  }
  survey_all
  base_is_ours || return 1
  # Whatever is made on the way to it is for everybody to walk through.
  if [ ! -d "$state" ]; then
    way_is_ours && set -- ours || set -- unknown
    make_state || {
      why=$(put "$why" | one_line)
      return 1
    }
    if [ "$1" = unknown ]; then
      survey_all
      base_is_ours || return 1
    fi
  fi
  for folder in "$base" "$base/live" "$base/archive" "$state"; do
    [ ! -e "$folder" ] || [ -w "$folder" ] || {
      why="$folder cannot be written by $(id -un); set become: true or another base"
      [ "$self" -ne 0 ] || why="$folder is on a file system that is mounted read-only; remount it or set another base"
      return 1
    }
  done
  # shellcheck disable=SC3067 # every shell that we know has -O
  [ -O "$state" ] || {
    why="$state is not a folder of $(id -un)'s own; mend its owner, or set another base"
    return 1
  }
  # From here on it goes by the path without links.
  case $winding$state/ in
    yes* | *//* | */./*)
      state=$(cd -P "$state" 2>/dev/null && put "$PWD")
      [ -n "$state" ] || return 1
      base=${state%/*}
      survey_all
      base_is_ours || return 1
      ;;
  esac
  work=$state
  why="$state/lock cannot be written; is the disk full, out of inodes or read-only?"
  # Hooks run with the mask that the login has, and no shell tells it but on stdout; what the agent makes is for itself.
  { true >>"$state/lock" && umask >"$state/umask"; } 2>/dev/null && read -r inherited <"$state/umask" || return 1
  umask 077
}

base_is_ours() {
  for place in "$base" "$state" "$base/live" "$base/archive"; do
    ! flaw_of "$place" || {
      explain 'or set another base'
      return 1
    }
  done
}

# way_is_ours: whether what was missing on the way to $state can be made by nobody else, and not become others' by an access list. It goes by
# what `ls` has shown: what came after it was looked at by nobody. A way that is written otherwise than it leads is looked at again.
way_is_ours() {
  [ -z "$winding$lists" ] && shows_lists || return 1
  case $state/ in *//* | */./* | */../*) return 1 ;; esac
  set -- "$state"
  until was_seen "$1"; do
    [ "$1" != / ] || return 1
    set -- "${1%/*}"
    set -- "${1:-/}"
  done
  ! flaw_of "$1"
}

# shows_lists: whether ls marks what has an access list; busybox's does not.
shows_lists() {
  IFS=:
  for folder in $PATH; do
    [ ! -x "$folder/ls" ] || break
  done
  # A shell with an ls of its own shows what it likes.
  [ -x "$folder/ls" ] || { IFS=' ' && return 1; }
  for entry in $PATH; do
    # shellcheck disable=SC3013 # every shell that we know has -ef
    [ ! "$folder/ls" -ef "$entry/busybox" ] || { IFS=' ' && return 1; }
  done
  IFS=' '
}

# make_state: whatever is above it is only ours by now. An access list that the base gives to what is made in it would let others
# read there.
make_state() {
  why=$(umask 022 && exec mkdir -p -m 700 "$state" 2>&1)
  [ -d "$state" ] || return 1
  [ -z "$lists" ] || ! command -v setfacl >/dev/null 2>&1 || setfacl -bk "$state" 2>/dev/null || true
}
