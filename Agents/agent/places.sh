# --- Places: where nobody but root and the agent's user can put, turn or replace anything ------------------------

# Whatever root writes, runs or follows is in such a place, or somebody could put a link, a folder or a program of their own
# there. `survey` looks at every folder and link on the way to all places, as they are written and where they lead, by one
# `ls` for all of them; `flaw_of` judges a place. What was found good can be changed by root alone, so it stays good.

# survey PATH...: what is not there is passed over, as the folder that it would be in is looked at. A line of $links is a path, a
# tab, and where it leads; those below $live, one for each certificate, are in $live_links, so that a look for another does not go
# through them. One of $flaws is a path, a tab, and what is wrong with it; $sticky are folders where everybody may put things and take
# away only their own; $winding says whether there is a link on the way to any, $lists whether there are access lists.
survey() {
  live=$base/live/ live_links=$newline
  listings=$newline links=$newline flaws=$newline sticky=$newline lost='' rounds=0
  winding='' lists='' surveyed_for='' list=$slots
  while [ "$list" -ge 0 ]; do
    eval "surveyed_$list=\$newline seen_$list=\$newline"
    list=$((list - 1))
  done
  while [ "$#" -gt 0 ]; do
    rounds=$((rounds + 1))
    [ "$rounds" -le 12 ] || {
      lost=$1
      return 0
    }
    list_components "$@"
    # Where ls says nothing, nothing was looked at.
    [ "$rounds" -gt 1 ] || listed_as / || lost=/
    [ -n "$self" ] || know_oneself
    targets=''
    IFS=$newline
    for listed in $listing; do
      IFS=' '
      # shellcheck disable=SC2086 # its fields
      judge $listed
    done
    IFS=$newline
    # shellcheck disable=SC2086 # a path in each line
    set -- $targets
    IFS=' '
  done
}

# know_oneself: sets $self to the user's number, which root is told without another process.
know_oneself() {
  # shellcheck disable=SC3067 # every shell that we know has -O
  if [ -O / ] && owner_of /; then self=$owner; else self=$(exec id -u); fi
}

# survey_all: everything that the request names.
survey_all() {
  gathered='' gathering=''
  each cert add_lineage
  each install add_destination
  each directory add_programs
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- "$state" "$base/live" "$base/archive" $gathered $gathering
  IFS=' '
  survey "$@"
  surveyed_for=$token
}
add_lineage() {
  gather "$base/live/$2$newline$base/archive/$2$newline$base/archive/$2/$3$newline"
  set +f
  set -- "$base/archive/$2"/*/privkey.pem
  set -f
  for file in "$@"; do
    [ ! -e "$file" ] || gather "$file$newline"
  done
}
add_destination() {
  decode_path "$8" || return 0
  case $7 in symlink) ;; *) path=${path%/*} ;; esac
  gather "${path:-/}$newline"
}
# list_components PATH...: sets $listing to what `ls` says of them and of every folder above them that was not looked at yet.
list_components() {
  gathered='' gathering=''
  for place in "$@"; do
    until is_surveyed "$place"; do
      eval "surveyed_$list=\$surveyed_$list\$place\$newline"
      gather "$newline$place"
      case $place in /) break ;; esac
      place=${place%/*}
      place=${place:-/}
    done
  done
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- $gathered $gathering
  IFS=' '
  listing=''
  [ "$#" -eq 0 ] || listing=$(exec ls -ldn "$@" 2>/dev/null)
  listings=$listings$listing$newline
}

# judge MODE LINKS UID GID ...: a line of `ls -ldn`; its path is what follows the first slash.
judge() {
  name=/${listed#*/} cause=''
  case $1 in l*) name=${name%% -> *} ;; esac
  # A line that was not asked for, or comes twice: part of a name, or of where a link leads, that is made to look like one.
  is_surveyed "$name" && ! was_seen "$name" || {
    lost=$name
    return 0
  }
  eval "seen_$list=\$seen_$list\$name\$newline"
  [ "$3" = 0 ] || [ "$3" = "$self" ] || cause=owner
  case $1 in *+) lists=yes ;; esac
  case $1 in
    l*)
      target=${listed#* -> }
      case $target in /*) ;; *) target=${name%/*}/$target ;; esac
      # Whoever may put things there may have brought a link of root's from elsewhere.
      case $sticky in *"$newline${name%/*}$newline"*) cause=${cause:-brought} ;; esac
      case $name in
        "$live"*) live_links=$live_links$name$tab$target$newline ;;
        *) links=$links$name$tab$target$newline ;;
      esac
      # Our own link to a generation, whose folder is looked at by its name.
      case $target in "$base/live/../archive/"*) ;; *) targets=$targets$newline$target winding=yes ;; esac
      ;;
    ????????w[tT]*) sticky=$sticky$name$newline ;;
    ????????w*) cause=${cause:-others} ;;
    ?????w*) group_is_safe "$1" "$3" "$4" || cause=${cause:-$denied} ;;
  esac
  [ -n "$cause" ] || return 0
  flaws=$flaws$name$tab$cause$newline
}

# is_surveyed PATH, was_seen PATH: whether it was asked for, and whether ls has told of it; $list is where that is kept.
is_surveyed() {
  list_of "$1"
  eval "case \$surveyed_$list in *\"\$newline\$1\$newline\"*) ;; *) return 1 ;; esac"
}
was_seen() {
  list_of "$1"
  eval "case \$seen_$list in *\"\$newline\$1\$newline\"*) ;; *) return 1 ;; esac"
}
# list_of PATH: paths of a certificate are kept beside it, all others at 0, so that no list is long.
list_of() {
  list=0
  case $1 in "$base/live/"?* | "$base/archive/"?*) ;; *) return 0 ;; esac
  set -- "${1#"$base/"*/}"
  ! slot_of "${1%%/*}" || list=$slot
}

# group_is_safe MODE UID GID: of $name, which its group may write: root's group may, and the owner's own by the usual numbers. With
# an access list (acl(5)) the bits of the group stand for everybody whom it names.
group_is_safe() {
  denied=group
  case $1 in
    *+)
      denied=acl
      command -v getfacl >/dev/null 2>&1 || return 1
      ;;
    *)
      [ "$3" = 0 ] || [ "$3" = "$2" ] || return 1
      # Not every ls shows that there is a list.
      command -v getfacl >/dev/null 2>&1 || return 0
      denied=acl
      ;;
  esac
  owner=$2 group=$3
  IFS=$newline
  # shellcheck disable=SC2046 # its lines
  set -- $(exec getfacl -cpn "$name" 2>/dev/null)
  IFS=' '
  [ "$#" -gt 0 ] || return 1
  for entry in "$@"; do
    entry=${entry%%"$tab"*}
    case $entry in
      default:* | mask:* | user::* | user:0:* | group:0:*) ;;
      user:"$self":*) ;;
      group::?w?) [ "$group" = 0 ] || [ "$group" = "$owner" ] || return 1 ;;
      *:?w?) return 1 ;;
    esac
  done
}

# flaw_of PATH: whether somebody else could put, turn or replace what is there. Sets $flaw to where, $cause to how, and
# $beyond to what of the path comes after it.
flaw_of() {
  flaw=$lost cause=lost beyond='' hops=0
  [ -z "$lost" ] || return 0
  [ "$flaws$sticky" != "$newline$newline" ] || return 1
  find_flaw place "$1"
}

# find_flaw place|above PATH: from the root on, and at a link first along where it leads.
find_flaw() {
  hops=$((hops + 1)) flaw=$2 cause=lost
  [ "$hops" -lt 64 ] || return 0
  set -- "$1" "$2" '' "${2#/}"
  while :; do
    place=${3:-/}
    case $flaws in
      *"$newline$place$tab"*)
        flaw=$place cause=${flaws#*"$newline$place$tab"} beyond=${4:+/$4}
        cause=${cause%%"$newline"*}
        return 0
        ;;
    esac
    if leads "$place"; then
      if find_flaw "$([ -n "$4" ] && put above || put "$1")" "$target"; then
        beyond=$beyond${4:+/$4}
        return 0
      fi
    fi
    case $4 in
      '') break ;;
      */*) set -- "$1" "$2" "$3/${4%%/*}" "${4#*/}" ;;
      *) set -- "$1" "$2" "$3/$4" '' ;;
    esac
  done
  [ "$1" = place ] && ! leads "$2" || return 1
  flaw=$2 cause=everybody
  case $sticky in *"$newline$2$newline"*) ;; *) return 1 ;; esac
}

# leads PATH: whether it is a link; sets $target. Most are none, and looking is linear where cutting off is not.
leads() {
  case $1 in "$live"*) set -- "$1" "$live_links" ;; *) set -- "$1" "$links" ;; esac
  case $2 in *"$newline$1$tab"*) ;; *) return 1 ;; esac
  target=${2#*"$newline$1$tab"}
  target=${target%%"$newline"*}
}

# note_first_look: beside each certificate what was seen of it when the visit began: where its link leads, and the keys that it has.
note_first_look() {
  each cert forget_look
  IFS=$newline
  for listed in $live_links; do
    case $listed in "$base/live/"*"$tab"*) slot_of_path "${listed%%"$tab"*}" && eval "link_$slot=\${listed#*\$tab}" ;; esac
  done
  for listed in $listings; do
    case $listed in
      *" $base/archive/"*/privkey.pem) slot_of_path "${listed#*" $base/archive/"}" && eval "keys_$slot=\$keys_$slot\$newline\$listed" ;;
    esac
  done
  IFS=' '
}
forget_look() {
  slot_of "$2"
  eval "link_$slot='' keys_$slot=''"
}
# slot_of_path PATH: of the lineage that it names behind `live/`, or at its beginning.
slot_of_path() {
  set -- "${1#"$base/live/"}"
  slot_of "${1%%/*}"
}

# listed_as PATH [LISTINGS]: sets $line to what ls says of it; a link is not found.
listed_as() {
  set -- "$1" "${2:-$listings}"
  line=${2%%" $1$newline"*}
  [ "$line" != "$2" ] || return 1
  line=${line##*"$newline"}
}

# owner_of PATH: sets $owner and $group to the numbers that ls has for it.
owner_of() {
  listed_as "$1" || return 1
  # shellcheck disable=SC2086 # its fields
  set -- $line
  owner=$3 group=$4
}

# explain WHAT_ELSE: sets $why to what is wrong with $flaw, and to the command that mends it.
explain() {
  set -- "$1" "$(exec ls -ld "$flaw" 2>/dev/null)"
  # shellcheck disable=SC2086 # its fields
  set -- "$1" $2
  case $cause in
    owner)
      why="$flaw belongs to $4 ($2 $4 $5), who could put something else there; mend it: chown $(id -un) $flaw"
      case $2 in l*) why="$flaw is a link of $4's, who could turn it; mend it: chown -h $(id -un) $flaw" ;; esac
      ;;
    others) why="$flaw can be written by others ($2 $4 $5); mend it: chmod o-w $flaw" ;;
    group) why="$flaw can be written by the group $5 ($2 $4 $5); mend it: chmod g-w $flaw" ;;
    acl) why="$flaw can be written by others by its access list ($2 $4 $5; getfacl $flaw); mend it: setfacl -b $flaw" ;;
    brought) why="$flaw is a link in a folder where everybody may put one; name what it leads to" ;;
    everybody) why="$flaw is a folder where everybody may put things ($2 $4 $5); name another folder" ;;
    lost) why="$flaw cannot be looked at: too many links lead there, or ls shows its name otherwise" ;;
  esac
  why="$why${1:+, $1}"
}
