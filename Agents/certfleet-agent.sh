#!/bin/sh
# certfleet's agent: what happens on a host. It arrives on stdin of `exec /bin/sh -s`, followed by the request
# and by the one line that starts it; PROTOCOL.md describes both. Until that last line nothing runs, so a cut
# transfer does nothing.
#
# POSIX sh, and the commands that `tools` names. Functions share variables: there is no `local` in POSIX, so
# what a function keeps across a call of another stands in its positional parameters. What thousands of hosts do at
# once is bounded by the processes that they start, so this file counts them: text is decoded, written and read by
# the shell's own commands.
#
# shellcheck disable=SC2015 # `A && B || fail` is meant as it reads: whichever fails
set -u
# Every shell that we know has -c, and what has it not goes on without.
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
newline='
'
tab='	'
version=5
tools='base64 cat chmod cmp cp date dd df env flock id ln ls mkdir mkfifo mv readlink rm rmdir setsid sleep sync tail tr wc'
recovering=
action=deploy
failed_domains=
limping=
self=
work=
keepers=
keeper_group=
good_programs=
done_within=
webroot=
to_make=
surveyed_for=
links_before=
listings_before=
acts=0
allowed=
clockwork=
active=
ran=
stuck=
unsent=

# --- Talking: frames on stdout -------------------------------------------------------------------------------

# put TEXT: by a builtin, so that no secret and no text of ours becomes another program's argument.
if [ -n "${KSH_VERSION:-}" ]; then
  # shellcheck disable=SC3061
  put() { print -rn -- "$1"; }
else
  put() { printf %s "$1"; }
fi

# say FIELD...: one frame without bytes, behind those that were held back. A connection that is gone is no failure of the visit.
say() {
  put "$unsent@certfleet $nonce 0 $*$newline" 2>/dev/null || true
  unsent=''
}

# hold FIELD...: the same, to go with the next one, which follows at once: each write is a packet to two processes more.
hold() { unsent="$unsent@certfleet $nonce 0 $*$newline"; }

# step NAME LINEAGE INDEX OUTCOME VALUE [TEXT]: how something went.
step() { hold step "$@"; }

one_line() { tr '\n\r\t' '   '; }

# --- The request: records of space-separated fields, one a line ----------------------------------------------

# each KIND FUNCTION: calls FUNCTION with the fields of every record of that kind, until it fails. The list is
# expanded before the first call, so calls may nest. Files are most of a request and are kept by themselves ($files), so that what
# looks for other records does not go through all of them.
each() {
  IFS=$newline
  case $1 in file) records=$files ;; *) records=$plan ;; esac
  for record in $records; do
    IFS=' '
    # shellcheck disable=SC2086 # the fields are to be split
    case $record in
      "$1 "*) "$2" $record || return 1 ;;
    esac
  done
  IFS=' '
}

# decode FIELD: sets $decoded. `=` and base64, with trailing newlines kept; or `:` and text in which % stands before
# the letter of what a field cannot hold.
decode() {
  case $1 in
    =*)
      decoded=$(put "${1#=}" | base64 -d && echo .) || return 1
      decoded=${decoded%.}
      ;;
    *) unescape "${1#:}" ;;
  esac
}

unescape() {
  decoded=${1%%\%*}
  [ "$decoded" != "$1" ] || return 0
  IFS=%
  # shellcheck disable=SC2086
  set -- ${1#*\%}
  IFS=' '
  for piece in "$@"; do
    case $piece in
      n*) decoded=$decoded$newline${piece#n} ;;
      s*) decoded="$decoded ${piece#s}" ;;
      t*) decoded=$decoded$tab${piece#t} ;;
      q*) decoded="$decoded'${piece#q}" ;;
      *) decoded=$decoded%${piece#p} ;;
    esac
  done
}

# decode_path FIELD: sets $path; `~/` is the login user's own folder, as ssh and every shell write it.
decode_path() {
  decode "$1" || return 1
  # shellcheck disable=SC2088
  case $decoded in '~/'*) path=${HOME:-}/${decoded#'~/'} ;; *) path=$decoded ;; esac
}

# load PLAN: makes these records the current ones, beside $files.
load() {
  plan=$1
  token='' epoch=0 rollout=0 wave=0 host='' base='' confirm=0 clock=0 all_domains=''
  each visit load_visit
  each base load_base
  each cert load_domains
  state=$base/.certfleet
  case "$newline$plan$newline" in *"${newline}stay$newline"*) stays=yes ;; *) stays='' ;; esac
}
load_visit() { token=$2 epoch=$3 rollout=$4 wave=$5 host=$6 confirm=$7 clock=$8; }
load_base() { decode_path "$2" && base=$path; }
load_domains() { decode "$5" && all_domains="$all_domains${all_domains:+ }$decoded"; }

# --- What a request may hold: an installed agent believes none, and a shell calculates with whatever it is given ----

# take_request TEXT: sets $plan and $files; or $why, where the request is not well formed. Files are gathered by pieces, as a shell
# copies the whole for each one that comes to it.
take_request() {
  visits=0 bases=0 certificates=' ' plan='' files='' chunk=''
  IFS=$newline
  for record in $1; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    is_sound $record || {
      why="the request cannot be read: there is a record '${record%% *}' that is not as it should be"
      return 1
    }
    case $record in file\ *) chunk=$chunk$newline$record ;; *) plan=$plan$newline$record ;; esac
    [ "${#chunk}" -lt 65536 ] || files=$files$chunk chunk=''
  done
  IFS=' ' files=$files$chunk why='the request must name one visit and one base'
  [ "$visits:$bases" = 1:1 ]
}

# is_sound KIND FIELD...: a kind that is not known is not passed over, for it might be what forbids something.
is_sound() {
  case $1 in
    visit) visits=$((visits + 1)) && visit_is_sound "$@" ;;
    base) bases=$((bases + 1)) && base_is_sound "$@" ;;
    cert) cert_is_sound "$@" ;;
    layout) [ "$#" -eq 5 ] && is_name "$2" && is_account "$3" && is_account "$4" && is_key_mode "$5" ;;
    file) [ "$#" -eq 5 ] && is_name "$2" && is_name "$3" && case $4 in 0600 | 0644) ;; *) false ;; esac ;;
    public) [ "$#" -eq 5 ] && is_name "$2" && is_key_text "$3" && is_key_text "$4" && is_key_text "$5" ;;
    kept) [ "$#" -eq 3 ] && is_name "$2" && is_number "$3" ;;
    back) [ "$#" -eq 2 ] && is_name "$2" ;;
    hostkey) [ "$#" -eq 4 ] && is_name "$2" && is_name "$3" && is_number "$4" ;;
    install) install_is_sound "$@" ;;
    hook) hook_is_sound "$@" ;;
    directory) [ "$#" -eq 3 ] && is_number "$2" && decode_path "$3" && [ "${#path}" -le 4096 ] ;;
    need) [ "$#" -eq 3 ] ;;
    key) [ "$#" -eq 6 ] && is_name "$2" && is_name "$3" && is_key_type "$4" ;;
    token) [ "$#" -eq 4 ] || [ "$#" -eq 5 ] ;;
    stay) [ "$#" -eq 1 ] ;;
    *) false ;;
  esac
}

is_name() { case $1 in '' | .* | -* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }
is_number() { case $1 in '' | *[!0-9]* | 0?* | ???????????????*) return 1 ;; esac; }
is_account() { case $1 in -) ;; '' | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) return 1 ;; esac; }
is_key_mode() { case $1 in 0[46]00 | 0[46]40) ;; *) return 1 ;; esac; }
is_key_text() { [ "${#1}" -ge 60 ] && [ "${#1}" -le 80 ] && case $1 in *[!A-Za-z0-9+/]*) false ;; esac; }
is_key_type() { case $1 in ecdsa-p256 | ecdsa-p384 | rsa-2048 | rsa-3072 | rsa-4096) ;; *) return 1 ;; esac; }
are_domains() { decode "$1" && case $decoded in *[!A-Za-z0-9.*:\ -]*) return 1 ;; esac; }

# are_names SEPARATOR LIST
are_names() {
  IFS=$1
  # shellcheck disable=SC2086 # its names
  set -- $2
  IFS=' '
  [ "$#" -gt 0 ] || return 1
  for entry in "$@"; do is_name "$entry" || return 1; done
}

visit_is_sound() {
  [ "$#" -eq 8 ] && is_name "$2" && is_number "$3" && is_number "$4" && is_number "$5" && is_name "$6" &&
    is_number "$7" && is_number "$8" && { [ -z "$allowed" ] || [ "$7" -le 7200 ]; }
}
base_is_sound() { decode_path "$2" && case $path in *"$newline"* | [!/]* | /) return 1 ;; esac; }
cert_is_sound() {
  # Once each: what is done for one is done for all its records.
  case $certificates in *" $2 "*) return 1 ;; esac
  certificates="$certificates$2 "
  [ "$#" -eq 5 ] && is_name "$2" && is_number "$3" && are_domains "$5"
}

# install LINEAGE PARTS MODE OWNER GROUP ALLOWED PATH
install_is_sound() {
  [ "$#" -eq 8 ] && is_name "$2" && are_names + "$3" && is_account "$5" && is_account "$6" && decode_path "$8" || return 1
  case $4 in 0[46][04][04]) ;; *) return 1 ;; esac
  # Together they would let somebody choose a file of root's.
  case $7 in - | symlink | shared) ;; *) return 1 ;; esac
  [ "${#path}" -le 4096 ] || return 1
  case $path in *"$newline"* | [!/]* | */) return 1 ;; esac
}

# hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...
hook_is_sound() {
  [ "$#" -ge 8 ] && [ "$(($# % 2))" -eq 0 ] && is_number "$4" && is_number "$5" && is_account "$6" || return 1
  case $2:$3 in
    pre:- | post:-) ;;
    deploy:* | verify:*) are_names , "$3" || return 1 ;;
    *) return 1 ;;
  esac
  shift 8
  while [ "$#" -gt 0 ]; do
    case $1 in '' | [!A-Za-z_]* | *[!A-Za-z0-9_]* | certfleet_*) return 1 ;; esac
    case $1 in PATH | IFS | OPTIND | ENV | BASH_ENV | SHELLOPTS | BASHOPTS | PS4 | LD_*) return 1 ;; esac
    shift 2
  done
}

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
# it has an end, and its plan is asked for no more.
begin_journal() {
  why="$state cannot be written; is the disk full?"
  # Nothing is lost with the first one where it is cut off.
  fresh=$state/journal
  [ ! -e "$fresh" ] || fresh=$state/journal.new
  {
    put "$plan$newline" >"$state/plan"
    put "visit $token $epoch$newline" >"$fresh"
  } 2>/dev/null
  read -r entry <"$fresh" && [ "$entry" = "visit $token $epoch" ] && [ -s "$state/plan" ] || return 1
  [ "$fresh" = "$state/journal" ] || mv "$fresh" "$state/journal" || return 1
  open_journal
}

# finish OUTCOME TEXT...: the visit's end, on disk before it is told.
finish() {
  end_hooks
  journal "end $*"
  sync_to "$state"
  [ -n "$recovering" ] || say end "$@"
}

sync_to() { sync -f "$1" 2>/dev/null || sync; }

# --- Folders and locks ---------------------------------------------------------------------------------------

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
  until case $seen in *"$newline$1$newline"*) ;; *) false ;; esac do
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

# --- Places: where nobody but root and the agent's user can put, turn or replace anything ------------------------

# Whatever root writes, runs or follows is in such a place, or somebody could put a link, a folder or a program of their own
# there. `survey` looks at every folder and link on the way to all places, as they are written and where they lead, by one
# `ls` for all of them; `flaw_of` judges a place. What was found good can be changed by root alone, so it stays good.

# survey PATH...: what is not there is passed over, as the folder that it would be in is looked at. A line of $links is a path, a
# tab, and where it leads; one of $flaws a path, a tab, and what is wrong with it; $sticky are folders where everybody may put
# things and take away only their own; $winding says whether there is a link on the way to any, $lists whether there are access lists.
survey() {
  surveyed=$newline listings=$newline links=$newline flaws=$newline sticky=$newline lost='' rounds=0
  winding='' lists='' surveyed_for='' seen=$newline
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
  places=''
  each cert add_lineage
  each install add_destination
  each directory add_programs
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- "$state" "$base/live" "$base/archive" $places
  IFS=' '
  survey "$@"
  surveyed_for=$token
}
add_lineage() {
  places="$places$base/live/$2$newline$base/archive/$2$newline$base/archive/$2/$3$newline"
  set +f
  set -- "$base/archive/$2"/*/privkey.pem
  set -f
  for file in "$@"; do
    [ ! -e "$file" ] || places=$places$file$newline
  done
}
add_destination() {
  decode_path "$8" || return 0
  case $7 in symlink) ;; *) path=${path%/*} ;; esac
  places=$places${path:-/}$newline
}
add_programs() {
  decode_path "$3" || return 0
  for folder in pre deploy post; do
    list_programs "$path/$folder"
    places=$places$path/$folder$newline$programs$others
  done
}

# list_components PATH...: sets $listing to what `ls` says of them and of every folder above them that was not looked at yet.
list_components() {
  listing=''
  for place in "$@"; do
    while :; do
      case $surveyed in *"$newline$place$newline"*) break ;; esac
      surveyed=$surveyed$place$newline listing=$listing$newline$place
      case $place in /) break ;; esac
      place=${place%/*}
      place=${place:-/}
    done
  done
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- $listing
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
  is_surveyed "$name" && case $seen in *"$newline$name$newline"*) false ;; esac || {
    lost=$name
    return 0
  }
  seen=$seen$name$newline
  [ "$3" = 0 ] || [ "$3" = "$self" ] || cause=owner
  case $1 in *+) lists=yes ;; esac
  case $1 in
    l*)
      target=${listed#* -> }
      case $target in /*) ;; *) target=${name%/*}/$target ;; esac
      # Whoever may put things there may have brought a link of root's from elsewhere.
      case $sticky in *"$newline${name%/*}$newline"*) cause=${cause:-brought} ;; esac
      links=$links$name$tab$target$newline
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

is_surveyed() { case $surveyed in *"$newline$1$newline"*) ;; *) return 1 ;; esac; }

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

# leads PATH: whether it is a link; sets $target.
leads() {
  target=${links#*"$newline$1$tab"}
  [ "$target" != "$links" ] || return 1
  target=${target%%"$newline"*}
}

# leads_at_first PATH: the same of what was seen when the visit began.
leads_at_first() {
  target=${links_before#*"$newline$1$tab"}
  [ "$target" != "$links_before" ] || return 1
  target=${target%%"$newline"*}
}

# listed_as PATH [LISTINGS]: sets $line to what ls says of it; a link is not found.
listed_as() {
  set -- "$1" "${2:-$listings}"
  line=${2%%" $1$newline"*}
  [ "$line" != "$2" ] || return 1
  line=${line##*"$newline"}
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

# --- Folders that others may write: whoever they belong to acts there --------------------------------------------

# Somebody's own folder is theirs to change at any moment. What is done there is done as them, within the folder and by names without
# a slash, so that nothing is reached which they could not reach anyway. They are waited for with a bound, nothing that they could
# have written is read, and what they are to have comes to them on a descriptor that was opened here.

# keeper_of FOLDER [any]: sets $keeper to who acts there: nobody where the folder is only ours, else `self` or the number of a
# user; and $within to its path without links. Fails with $why where somebody else could put another folder in its place, unless `any`
# of those that are only ours will do.
keeper_of() {
  keeper='' within=$1
  flaw_of "$1" || return 0
  if [ "$cause" = lost ] || leads "$flaw"; then
    explain ''
    return 1
  fi
  within=$(cd -P "$1" 2>/dev/null && put "$PWD")
  # Theirs are folders and no links from here on.
  [ -n "$within" ] && [ "$within" = "$(cd -P "$flaw" 2>/dev/null && put "$PWD")$beyond" ] || {
    why="$flaw is not only ours, and there is a link on the way from there to $1; name the folder that it leads to"
    return 1
  }
  survey "$within"
  owner_of "$within" || {
    why="$within cannot be looked at"
    return 1
  }
  keeper=$owner keeper_group=$group
  [ "$self" -eq 0 ] && [ "$owner" != 0 ] || keeper=self
  if [ "${2:-}" = any ] && [ "$keeper" = self ] && ! has_flaw "$within"; then return 0; fi
  flaw=$within
  while [ "$flaw" != / ]; do
    flaw=${flaw%/*}
    flaw=${flaw:-/}
    cannot_exchange || {
      explain "for what is in it could be exchanged at any moment"
      return 1
    }
  done
}

# cannot_exchange: whether nobody but $keeper and root could exchange what is in the folder $flaw.
cannot_exchange() {
  has_flaw "$flaw" || return 0
  [ "$cause" = owner ] && owner_of "$flaw" && [ "$owner" = "$keeper" ] || return 1
  case $line in
    ????????w*) cause=others && return 1 ;;
    ?????w*) [ "$group" = "$owner" ] || { cause=group && return 1; } ;;
  esac
}

# has_flaw PATH: whether that folder or link itself has one; sets $cause.
has_flaw() {
  cause=${flaws#*"$newline$1$tab"}
  [ "$cause" != "$flaws" ] || return 1
  cause=${cause%%"$newline"*}
}

# owner_of PATH: sets $owner and $group to the numbers that ls has for it.
owner_of() {
  listed_as "$1" || return 1
  # shellcheck disable=SC2086 # its fields
  set -- $line
  owner=$3 group=$4
}

# within STEP ARGUMENT...: $keeper does a step of $inside in $within, with what is at descriptor 5 on stdin. Fails with $why.
within() {
  why="$work cannot be written; is the disk full, out of inodes or read-only?"
  begin_hooks && { true >"$work/group"; } 2>/dev/null || return 1
  switch='' whose=own user=$(id -un)
  if [ "$keeper" != self ]; then
    as_keeper || return 1
  elif [ "$self" -ne 0 ]; then
    whose=any
  fi
  acts=$((acts + 1)) ticks=0 draining=yes awaited=act-$acts
  act "$@" &
  supervise 20
  case $status in
    0 | 20) return 0 ;;
    11) why="$within was exchanged while it was used, or cannot be entered by $user" ;;
    12) why="$within/.certfleet-$token was exchanged while it was used" ;;
    13) why="nothing can be made in $within by $user; is the disk full?" ;;
    14) why="$within cannot be written by $user; is the disk full?" ;;
    15) why="$user cannot give a file in $within that owner or group" ;;
    16) why="a file in $within cannot be replaced by $user" ;;
    *) why="$user did not get done in $within (${status:-not in 20 s})" ;;
  esac
  return 1
}

# as_keeper: sets $switch and $user.
as_keeper() {
  # shellcheck disable=SC2046 # its fields
  set -- $(exec ls -ld "$within" 2>/dev/null)
  user=${3:-}
  if [ -n "$user" ] && is_account "$user" && [ "$(id -u "$user" 2>/dev/null)" = "$keeper" ] && as_user; then return 0; fi
  # One whom the host knows by the number alone.
  user=$keeper
  switch="setpriv --reuid=$keeper --regid=$keeper_group --clear-groups --"
  case $(setpriv --version 2>/dev/null) in *util-linux*) return 0 ;; esac
  why="nothing can be done as the user $keeper, whose folder $within is; give it an owner whom the host knows"
  return 1
}

act() {
  exec 3<&- 4<&- 6<&- 9>&- >/dev/null 2>&1
  (
    exec <&5 5<&- 7<&- 8>&-
    cd -P "$within" || true
    # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words of ours
    exec env -i PATH="$PATH" setsid /bin/sh -c 'echo "$$" >"$1" && shift && exec "$@"' certfleet "$work/group" \
      $switch /bin/sh -c "$inside" certfleet "$within" "$whose" ".certfleet-$token" "$@"
  )
  set -- "$?"
  put "ended $awaited $1 bare$newline" >&7
}

# inside FOLDER own|any STAGING STEP ...: what is done in a folder. Everything there may change at any moment, so nothing is followed, a folder
# is known by its own path once it was entered, and the staging folder must be one that nobody else can enter.
# shellcheck disable=SC2016 # another shell expands it
inside='set -u
umask 077
folder=$1 whose=$2 staging=$3 step=$4
shift 4
cd -P . 2>/dev/null
[ "$PWD" = "$folder" ] || cd -P "$folder" 2>/dev/null || exit 11
[ "$PWD" = "$folder" ] || exit 11
[ "$whose" = any ] || [ -O . ] || exit 11
enter() {
  cd -P "./$staging" 2>/dev/null || return 1
  [ "$PWD" = "${folder%/}/$staging" ] && [ -O . ] || exit 12
  case $(ls -ldn .) in drwx--[-S]---*) ;; *) exit 12 ;; esac
}
there() { [ -e "$1" ] || [ -L "$1" ]; }
give_up_old() { for file in old/* old/.[!.]*; do name=${file#*/}; ! there "new/$name" || ! there "../$name" || rm -f "./old/$name"; done; }
keep_old() {
  for file in new/* new/.[!.]*; do
    name=${file#*/}
    there "$file" && ! there "old/$name" && there "../$name" || continue
    mv -f "./../$name" "./old/$name" || return 1
  done
}
case $step in
  stage)
    [ -d "./$staging" ] || mkdir -m 700 "./$staging" || exit 13
    enter || exit 12
    [ -d new ] && [ -d old ] || mkdir -m 700 new old || exit 13
    rm -f "./new/$1" "./old/$1"
    cat >"./new/$1" || exit 14
    [ "$3" = - ] || chown "$3" "./new/$1" || exit 15
    [ "$4" = - ] || chgrp "$4" "./new/$1" || exit 15
    chmod "$2" "./new/$1" || exit 14
    sync -f "./new/$1" || true
    ! there "../$1" || ln "./../$1" "./old/$1" || cp -pP "./../$1" "./old/$1" || rm -f "./old/$1"
    ;;
  install)
    enter || exit 12
    keep_old || exit 16
    set --
    for file in new/* new/.[!.]*; do ! there "$file" || set -- "$@" "./$file"; done
    [ "$#" -eq 0 ] || mv -f "$@" .. || exit 16
    ;;
  back)
    enter || exit 20
    for name; do
      there "new/$name" || rm -f "./../$name" || exit 16
    done
    give_up_old
    set --
    for file in old/* old/.[!.]*; do ! there "$file" || set -- "$@" "./$file"; done
    [ "$#" -eq 0 ] || mv -f "$@" .. || exit 16
    ;;
  clear)
    enter || exit 20
    for file in new/* new/.[!.]* old/* old/.[!.]*; do ! there "$file" || rm -f "./$file"; done
    rmdir new old
    cd .. && rmdir "./$staging"
    ;;
  token | remove)
    token=$1
    shift
    for name; do
      [ -d "./$name" ] || [ "$step" = remove ] || mkdir -m 755 "./$name" || exit 13
      cd -P "./$name" 2>/dev/null || exit 20
      folder=${folder%/}/$name
      [ "$PWD" = "$folder" ] || exit 11
    done
    if [ "$step" = remove ]; then
      rm -f "./$token" || exit 16
      exit 0
    fi
    mkdir -m 700 "./$staging" || exit 13
    enter || exit 12
    cat >"./$token" && chmod 644 "./$token" || exit 14
    mv -fT "./$token" "./../$token" || exit 16
    cd .. && rmdir "./$staging"
    ;;
esac'

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

# --- Hooks ---------------------------------------------------------------------------------------------------

# begin_hooks: the pipe by which everything that runs beside the agent talks to it, and a clock at its other end. As
# both ends are open here, nobody's end closes it.
begin_hooks() {
  [ -z "$clockwork" ] || return 0
  end_hooks
  run=0 pipes=0 left=0 ticks=0
  note_environment
  make_pipes "$work/pipe-events"
  [ -p "$work/pipe-events" ] || return 1
  exec 7<>"$work/pipe-events"
  tick &
  clockwork=$!
}

# What runs beside the agent may outlive it: it must hold neither its lock nor its streams, and must not wait for a pipe
# that nobody has open any more. By `exec` and not on a command: a shell keeps a copy of what it redirects for a function.

# tick: when the agent is gone, nobody reads the pipe and the signal for that ends this. It is opened while the agent's
# own end is there too.
tick() {
  exec </dev/null 2>/dev/null >"$work/pipe-events"
  exec 3<&- 4<&- 5<&- 6<&- 7<&- 8>&- 9>&-
  while sleep 1; do echo tick; done
}

end_hooks() {
  [ -z "$clockwork" ] || kill "$clockwork" 2>/dev/null
  clockwork=
  exec 7<&-
  set +f
  set -- "$work"/pipe-* "$work"/stream-* "$work"/given-* "$work"/environment
  set -f
  for entry in "$@"; do
    [ ! -e "$entry" ] || {
      rm -rf "$@"
      return
    }
  done
}

# make_pipes [PATH]: some more, by one command.
make_pipes() {
  for _ in 1 2 3 4 5 6 7; do
    pipes=$((pipes + 1))
    set -- "$@" "$work/pipe-$pipes-out" "$work/pipe-$pipes-err"
  done
  mkfifo "$@" 2>/dev/null
}

# next_pipes: a hook's own, for what an earlier one has left running writes to the earlier's.
next_pipes() {
  why="$work/pipe-... cannot be made; is the disk out of inodes?"
  begin_hooks || return 1
  run=$((run + 1))
  out=$work/pipe-$run-out err=$work/pipe-$run-err awaited=$run
  [ "$run" -le "$pipes" ] || make_pipes
  [ -p "$out" ] && [ -p "$err" ] || return 1
  exec 5<>"$out" 6<>"$err"
}

# beside NAME=VALUE... -- COMMAND...: runs it and tells its exit status. It keeps the hooks' lock for as long as the hook runs, and the pipes
# open, so that a hook is not disturbed when the agent is killed. A marker shows where a stream ends, for a child of the
# hook may hold it open; where the streams are drained there is none.
beside() {
  exec 3<&- 4<&- 9>&- </dev/null >/dev/null 2>&1
  # A hook's variable may be called as one of ours is: what is needed after it has names that none may have.
  certfleet_stream=$state/stream-$run certfleet_deadline=$state/deadline
  certfleet_ended="ended $run" certfleet_line=$newline certfleet_mark=$newline$nonce.$run$newline
  with_only "$@"
  set -- "$?"
  put "ended$certfleet_line" >"$certfleet_deadline"
  if [ -e "$certfleet_stream" ]; then
    set -- "$1" bare
  else
    set -- "$1" marked
    put "$certfleet_mark" >&5
    put "$certfleet_mark" >&6
  fi
  put "$certfleet_ended $*$certfleet_line" >&7
}

# note_environment: sets $given to the names of what this shell passes on, where it knows them all: one of ash's kind takes
# nothing from its environment that is no variable. Others pass on what they have no name for.
note_environment() {
  given=
  [ -z "${BASH_VERSION:-}${KSH_VERSION:-}${YASH_VERSION:-}" ] || return 0
  IFS=$newline
  for entry in $(export -p); do
    entry=${entry#export } entry=${entry%%=*}
    # dash takes OPTIND for a number, which nothing is not.
    case $entry in
      *[!A-Za-z0-9_]* | [!A-Za-z_]* | OPTIND) ;;
      certfleet_*) unset "$entry" ;;
      *) given="$given $entry" ;;
    esac
  done
  IFS=' '
}

# with_only NAME=VALUE... -- COMMAND...: runs the command, with these variables and no others. None is ever an argument, which everybody
# on the host could read (proc(5)). The command begins with a program and not with a variable.
with_only() {
  if [ -n "$given" ]; then
    # shellcheck disable=SC2086 # the names
    unset $given
    while [ "$1" != -- ]; do
      # shellcheck disable=SC2163 # NAME=VALUE
      export "$1"
      shift
    done
    shift
    "$@"
    return
  fi
  {
    while [ "$1" != -- ]; do
      quote "${1#*=}"
      put "export ${1%%=*}=$quoted$newline"
      shift
    done
  } >"$work/environment"
  shift
  env -i PATH="$PATH" /bin/sh -c "$take_environment" certfleet "$@" <"$work/environment"
}

# shellcheck disable=SC2016 # another shell expands it
take_environment='certfleet_text=
while IFS= read -r certfleet_line; do
  certfleet_text="$certfleet_text$certfleet_line
"
done
exec </dev/null
eval "unset certfleet_text certfleet_line
$certfleet_text"
exec "$@"'

# quote TEXT: sets $quoted to it as one word of a shell's.
quote() {
  set -- "$1" ''
  while case $1 in *"'"*) ;; *) false ;; esac do
    set -- "${1#*"'"}" "$2${1%%"'"*}'\\''"
  done
  quoted="'$2$1'"
}

# supervise SECONDS: until the hook has ended, by itself or by its deadline: TERM to its whole process group, and five
# seconds later KILL. Sets $status, and $stopping where it was the deadline.
supervise() {
  status='' stopping=''
  forget_ticks
  while [ -z "$status" ] || { [ -n "$stopping" ] && group_lives; }; do
    next_event
    [ "$event" = tick ] || continue
    # A pipe takes 64 KiB before its writer has to wait; most hooks are done before anybody has to read.
    [ "$ticks" -lt 2 ] || drain_beside
    if [ -z "$stopping" ]; then
      [ "$ticks" -le "$1" ] || {
        stopping=$ticks
        signal_group TERM
      }
    else
      [ "$ticks" -ne "$((stopping + 5))" ] || signal_group KILL
      [ "$ticks" -lt "$((stopping + 7))" ] || return 0
    fi
  done
}

# next_event: waits for one. A signal that is caught may end a read early.
next_event() {
  event=''
  read -r event number value <&7 || return 0
  case "$event $number" in
    'tick ') ticks=$((ticks + 1)) ;;
    "ended $awaited") status=${value% *} marking=${value#* } ;;
    "drained $run") left=$((left - 1)) ;;
  esac
}

# forget_ticks: those that came while nobody waited, so that what is measured begins now.
forget_ticks() {
  put "now$newline" >&7
  event=''
  until [ "$event" = now ]; do next_event; done
  ticks=0
}

signal_group() { read -r leader <"$work/group" && kill -s "$1" -- "-$leader" 2>/dev/null; }

# group_lives: a group that may not be signalled is there too.
group_lives() {
  read -r leader <"$work/group" || return 1
  set -- "$(kill -s 0 -- "-$leader" 2>&1 && echo there)"
  case $1 in *there | *ermitted*) ;; *) return 1 ;; esac
}

# drainer: keeps the first and the last two chunks of a stream; each is at most 4 MiB, and what is dropped is counted.
# dd writes what it reads at once, so nothing is lost when this is ended early.
# shellcheck disable=SC2016 # another shell expands it
drainer='cd "$1" || exit
echo "$$" >group
dropped=0
dd bs=4096 count=1024 of=first
while dd bs=4096 count=1024 of=next && [ -s next ]; do
  if [ -f previous ]; then dropped=$((dropped + $(wc -c <previous))); echo "$dropped" >dropped; fi
  [ ! -f last ] || mv last previous
  mv next last
done
rm -f next
echo "drained $2" >&7'

# drain_beside: takes a hook's streams from now on, so that it never waits. One that has just ended either sees that they
# are to be drained, or is seen to have ended; but a full pipe may hold up the marker, and is emptied in the end.
drain_beside() {
  [ -z "$draining" ] || return 0
  mkdir -p "$state/stream-$run/out" "$state/stream-$run/err" 2>/dev/null || return 0
  read -r entry <"$state/deadline"
  [ "$entry" != ended ] || [ "$ticks" -gt 3 ] || [ "$marking" = bare ] || return 0
  draining=yes
  drain "$state/stream-$run/out" "$out" &
  drain "$state/stream-$run/err" "$err" &
}

drain() {
  # To read alone, so that it does not keep the other end open; and first, for a pipe that nobody has open forgets.
  exec <"$2"
  exec 3<&- 4<&- 5<&- 6<&- 8>&- 9>&- >/dev/null 2>&1
  # Some shells pass on no descriptor above 2 that is not named.
  exec setsid /bin/sh -c "$drainer" drain "$1" "$run" 7>&7
}

# collect: the hook's streams, as frames.
collect() {
  [ "$marking" != bare ] || drain_beside
  if [ -n "$draining" ]; then
    exec 5<&- 6<&-
    await_drained
    send_drained stdout "$state/stream-$run/out"
    send_drained stderr "$state/stream-$run/err"
  else
    take 5
    send stdout
    take 6
    send stderr
    exec 5<&- 6<&-
  fi
}

# take FD: what waits in a pipe, into $text.
take() {
  text=
  while IFS= read -r line <&"$1" && [ "$line" != "$nonce.$run" ]; do text=$text$line$newline; done
  text=${text%"$newline"}
}

send() {
  [ -z "$text" ] || unsent="$unsent@certfleet $nonce ${#text} output $1 ${#text}$newline$text$newline"
}

# await_drained: until both streams have ended, or the hook's children have held them open for two seconds.
await_drained() {
  forget_ticks
  while [ "$left" -gt 0 ] && [ "$ticks" -lt 3 ]; do next_event; done
  [ "$left" -gt 0 ] || return 0
  for entry in out err; do
    read -r leader <"$state/stream-$run/$entry/group" && kill -s KILL -- "-$leader" 2>/dev/null
  done
}

# send_drained NAME FOLDER: the first and last 32 KiB of what was drained, and how much there was.
send_drained() {
  set -- "$1" "$2" 0
  for chunk in first previous last next; do
    [ -f "$2/$chunk" ] && set -- "$1" "$2" $(($3 + $(wc -c <"$2/$chunk")))
  done
  [ "$3" -gt 0 ] || return 0
  if [ "$3" -gt 65536 ]; then
    dd if="$2/first" of="$2/kept" bs=32768 count=1 2>/dev/null
    for chunk in first previous last next; do
      [ -f "$2/$chunk" ] && cat "$2/$chunk"
    done | tail -c 32768 >>"$2/kept"
  else
    for chunk in first previous last next; do
      [ -f "$2/$chunk" ] && cat "$2/$chunk"
    done >"$2/kept"
  fi
  dropped=0
  [ -f "$2/dropped" ] && read -r dropped <"$2/dropped"
  put "$unsent@certfleet $nonce $(($(wc -c <"$2/kept"))) output $1 $(($3 + dropped))$newline" 2>/dev/null
  unsent=''
  cat "$2/kept" 2>/dev/null
  put "$newline" 2>/dev/null
}

# What the hook's own shell does first. It opens its streams itself: with them on its command, the agent's shell would say there that
# a hook was killed.
# shellcheck disable=SC2016 # the hook's shell expands it
first_line='echo "$$" >"$certfleet_group" && umask "$certfleet_umask" && exec >"$certfleet_out" 2>"$certfleet_err" 5<&- 6<&- 7<&- 8>&- || exit
unset certfleet_group certfleet_umask certfleet_out certfleet_err
'

# perform MOMENT LINEAGES INDEX SECONDS USER [NAME VALUE]...: runs $command with $argument and tells how it went; fails as
# it does.
perform() {
  moment=$1 lineages=$2 index=$3 seconds=$4 user=$5
  shift 5
  name=${recovering:-$moment} subject=${lineages%%,*}
  case $action:$moment in
    rollback:deploy) name=${recovering:-redeploy} ;;
    rollback:verify) name=${recovering:-recheck} ;;
  esac
  next_pipes && { put "$seconds$newline" >"$state/deadline" && true >"$state/group"; } 2>/dev/null || {
    step "$name" "$subject" "$index" error 1 "$why"
    return 1
  }
  say begin "$name" "$subject" "$index" "$seconds"
  pairs=$#
  while [ "$pairs" -gt 0 ]; do
    decode "$2" || return 1
    set -- "$@" "$1=$decoded"
    shift 2
    pairs=$((pairs - 2))
  done
  hook_environment
  set -- PATH="$PATH" SHELL=/bin/sh \
    ${lineage_path:+"RENEWED_LINEAGE=$lineage_path"} ${renewed+"RENEWED_DOMAINS=$renewed"} \
    ${failed+"FAILED_DOMAINS=$failed"} ${generation:+"CERTFLEET_GENERATION=$generation"} \
    CERTFLEET_HOST="$host" CERTFLEET_ROLLOUT="$rollout" CERTFLEET_WAVE="$wave" CERTFLEET_ACTION="$action" "$@"
  # A process group of its own, so that a deadline reaches everything that the hook has started. It says itself
  # which: some shells run what is in the background through one process more, so $! may be another.
  if [ "$user" = - ] || ! as_user; then
    # The hook's own shell says it in a first line: one process less than by another shell before it.
    set -- "$@" HOME="${HOME:-/}" USER="${USER:-}" LOGNAME="${LOGNAME:-}" \
      certfleet_group="$state/group" certfleet_umask="$inherited" certfleet_out="$out" certfleet_err="$err" \
      -- setsid /bin/sh -c "$first_line$command"
  else
    # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words of ours
    set -- "$@" HOME="$home" USER="$user" LOGNAME="$user" \
      -- setsid /bin/sh -c 'echo "$$" >"$1" && umask "$2" && exec >"$3" 2>"$4" 5<&- 6<&- 7<&- 8>&- && shift 4 && exec "$@"' \
      certfleet "$state/group" "$inherited" "$out" "$err" $switch /bin/sh -c "$command"
  fi
  draining='' marking='' left=2 ticks=0
  # yash reads characters, and ends where bytes are none.
  [ -z "${YASH_VERSION:-}" ] || drain_beside
  beside "$@" certfleet ${argument:+"$argument"} &
  supervise "$seconds"
  collect
  [ ! -e "$work/environment" ] || true >"$work/environment"
  # yash says 384 and the signal's number, others 128 and the number.
  [ "${status:-0}" -le 384 ] || status=$((status - 256))
  [ -z "$argument" ] || detail=$argument
  if [ -n "$stopping" ] && group_lives; then
    stuck="a hook runs on after its deadline of $seconds s, and nobody here may end it"
    step "$name" "$subject" "$index" error 1 "$stuck"
    return 1
  elif [ -n "$stopping" ]; then
    step "$name" "$subject" "$index" timeout "$seconds" "$detail"
    return 1
  elif [ "$status" -gt 128 ] && [ "$status" -le 192 ] && kill -l "$((status - 128))" >/dev/null 2>&1; then
    step "$name" "$subject" "$index" signal "$((status - 128))" "$detail"
    return 1
  elif [ "$status" -ne 0 ]; then
    step "$name" "$subject" "$index" exit "$status" "$detail"
    return 1
  fi
  step "$name" "$subject" "$index" ok 0 "$detail"
}

# hook_environment: certbot's variables for this hook alone: deploy gets the renewed lineage and its domains, post the
# domains that were renewed and those that were not, either of them empty where there are none; pre none.
hook_environment() {
  lineage_path='' generation=''
  unset renewed failed
  case $moment in
    deploy | verify)
      lineage_path=$base/live/$subject renewed=''
      each cert for_lineages
      ;;
    post)
      failed=$failed_domains renewed=''
      [ -n "$failed" ] || renewed=$all_domains
      ;;
  esac
}
for_lineages() {
  case ",$lineages," in *",$2,"*) ;; *) return 0 ;; esac
  [ "$2" != "$subject" ] || generation=$3
  set -- "$5" "$decoded"
  decode "$1"
  renewed="$renewed${renewed:+ }$decoded"
  decoded=$2
}

# as_user: the words that run a command as $user, whose folder is $home. setpriv of util-linux makes no session of its
# own, which a deadline could not reach; busybox has none of that kind, and its su makes none either.
as_user() {
  home=$(getent passwd "$user" 2>/dev/null)
  home=${home%:*} home=${home##*:}
  [ "$(id -un)" != "$user" ] || { switch='' && return 0; }
  case $(setpriv --version 2>/dev/null) in
    *util-linux*) switch="setpriv --reuid=$user --regid=$(id -g "$user") --init-groups --" ;;
    *) switch="su -s /bin/sh -c \"\$@\" -- $user sh" ;;
  esac
}

# configured hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...: a hook of the request, unless it is
# one that its directory has run already.
configured() {
  decode "$8" || return 1
  command=$decoded argument='' detail='' patience=$7
  case "$newline$ran" in *"$newline$command$newline"*) return 0 ;; esac
  set -- "$2" "$3" "$4" "$5" "$6" "$@"
  moment=$1 lineages=$2 index=$3 seconds=$4 user=$5
  shift 13
  perform "$moment" "$lineages" "$index" "$seconds" "$user" "$@" && return 0
  [ "$patience" = continue ] || return 1
  limping="a hook failed that may fail"
}

# list_programs FOLDER: what is in it, in the order of the bytes (a name with a dot at its start has its place in it, and no
# shell's * matches it), but for what an editor has left: $programs may be run, and $others are files that may not, a line each.
list_programs() {
  programs='' others=''
  set +f
  set -- "$1"/[' '--]* "$1"/.[!.]* "$1"/[!' '--]*
  set -f
  for program in "$@"; do
    case $program in *'~' | *"$newline"*) continue ;; esac
    [ -f "$program" ] || continue
    if [ -x "$program" ]; then programs=$programs$program$newline; else others=$others$program$newline; fi
  done
}

# programs_are_ours FOLDER: whether nobody but root and the agent's user could have put $programs there, or can change one.
programs_are_ours() {
  unknown=''
  IFS=$newline
  for program in $1 $programs $others; do
    case $newline$good_programs in *"$newline$program$newline"*) continue ;; esac
    [ "$surveyed_for" = "$token" ] && is_surveyed "$program" || unknown=yes
  done
  # shellcheck disable=SC2086 # a path in each line
  [ -z "$unknown" ] || { set -- "$1" $programs $others && IFS=' ' && survey "$@"; }
  IFS=$newline
  for program in $1 $programs; do
    IFS=' '
    case $newline$good_programs in *"$newline$program$newline"*) continue ;; esac
    ! flaw_of "$program" || {
      explain "for what is there runs as $(id -un)"
      return 1
    }
    good_programs=$good_programs$program$newline
  done
  IFS=$newline
  for program in $others; do
    IFS=' '
    listed_as "$program" || continue
    case $line in
      -??x* | -?????x* | -????????x*)
        why="$program is meant to run and cannot: its file system is mounted noexec, or it is not $(id -un)'s to run"
        return 1
        ;;
    esac
  done
  IFS=' '
}

# in_directories MOMENT LINEAGE: certbot's directory hooks. They are remembered, as the same hook may be configured too. After one
# that failed the others run all the same where the moment is post.
in_directories() {
  ran=
  wanted=$1 whose=$2
  each directory in_directory
}
in_directory() {
  decode_path "$3" || return 1
  list_programs "$path/$wanted"
  [ -n "$programs$others" ] || return 0
  programs_are_ours "$path/$wanted" || {
    step "${recovering:-$wanted}" "$whose" - error 1 "$why"
    return 1
  }
  set -- "$2" 0 "$programs"
  IFS=$newline
  for program in $3; do
    IFS=' '
    ran=$ran$program$newline
    [ "$wanted" != post ] || ! logged "posted $program " || continue
    # shellcheck disable=SC2016 # the hook's own shell expands it
    command='exec "$1"' argument=$program detail=''
    perform "$wanted" "$whose" - "$1" - || set -- "$1" 1
    [ "$wanted" != post ] || journal "posted $program "
    [ "$2" -eq 0 ] || [ "$wanted" = post ] || break
  done
  IFS=' '
  return "$2"
}

# run_moment MOMENT LINEAGES: the directories' hooks, then the request's own.
run_moment() {
  in_directories "$1" "$2" || return 1
  each hook "run_$1"
}

run_pre() {
  [ "$2" = pre ] || return 0
  configured "$@"
}

# deploy cert LINEAGE ...: its own hooks, one lineage after another.
deploy() {
  for_lineage=$2
  journal "deploy $2 - " || return 1
  run_moment deploy "$2" || { why="deploy hook of $for_lineage failed" && return 1; }
}
run_deploy() {
  [ "$2" = deploy ] && [ "$3" = "$for_lineage" ] || return 0
  journal "deploy $3 $4 " || return 1
  configured "$@"
}

# deploy_together hook MOMENT LINEAGES ...: one that several lineages share.
deploy_together() {
  case $2:$3 in deploy:*,*) ;; *) return 0 ;; esac
  journal "deploy $3 $4 " || return 1
  ran=
  configured "$@" || { why='a deploy hook failed' && return 1; }
}

# look hook MOMENT LINEAGE ...: whether the host serves what it should, as far as it is the host that looks.
look() {
  [ "$2" = verify ] || return 0
  ran=
  configured "$@" || { why="the host does not serve $3 as it should" && return 1; }
}

# post: every one runs, whatever the one before did; after a crash only those that had not ended.
post() {
  if ! logged 'posted - '; then
    in_directories post - || limping='a post hook failed'
    journal 'posted - '
  fi
  each hook run_post
}
run_post() {
  [ "$2" = post ] || return 0
  logged "posted $4 " && return 0
  configured "$@" || limping='a post hook failed'
  journal "posted $4 "
}

# --- Certificates: staged aside, activated by one rename -----------------------------------------------------

# stage cert LINEAGE GENERATION FINGERPRINT DOMAINS
stage() {
  say begin stage "$2" - 0
  told=''
  if is_ours "$2" && is_forward "$2" "$3" && stage_files "$2" "$3" && each install place; then
    step stage "$2" - ok 0 "$told"
    return 0
  fi
  step stage "$2" - error 1 "$why"
  return 1
}

# is_ours LINEAGE: whether its place is free, or a link of ours to a generation that is there. What is active is kept in
# $active, as `LINEAGE=GENERATION`.
is_ours() {
  why="$base/live/$1 is not a link that certfleet made; move it away or set another base"
  if [ ! -e "$base/live/$1" ] && [ ! -L "$base/live/$1" ]; then
    active="$active $1=-"
    return 0
  fi
  # What was seen before the lock was had may be another visit's by now.
  # shellcheck disable=SC3013 # every shell that we know has -ef
  if leads_at_first "$base/live/$1" && [ "$base/live/$1" -ef "$target" ]; then
    set -- "$1" "../archive/${target#"$base/live/../archive/"}"
  else
    set -- "$1" "$(readlink "$base/live/$1")"
  fi
  case ${2#"../archive/$1/"} in '' | *[!0-9]*) return 1 ;; esac
  active="$active $1=${2##*/}"
  set -- "$base/archive/$1/${2##*/}"
  [ -d "$1" ] || return 1
  # shellcheck disable=SC3067 # every shell that we know has -O
  [ -O "$1" ] || {
    why="$1 belongs to somebody else; mend it: chown -R $(id -un) $1"
    return 1
  }
}

# is_forward LINEAGE GENERATION: a controller whose state is an older copy does not know what is here; it must say that it goes back.
is_forward() {
  active_of "$1"
  case $old in -) return 0 ;; esac
  [ "$old" -gt "$2" ] || return 0
  case "$newline$plan$newline" in *"${newline}kept $1 $2$newline"* | *"${newline}back $1$newline"*) return 0 ;; esac
  why="generation $old of $1 is active here, which is newer than the $2 that was to be put there; nothing is taken back without a person's word: certfleet cert revert $1, or bring all forward: certfleet cert renew $1"
  return 1
}

# active_of LINEAGE: sets $old to what was active when it was staged; `-` is nothing.
active_of() {
  old=${active##*" $1="}
  old=${old%% *}
}

# stage_files LINEAGE GENERATION: into a folder that only the agent can enter, which then becomes the generation's by one rename. No
# access list of the base reaches what is made there, and nobody else could have made it before.
stage_files() {
  lineage=$1 dir=$base/archive/$1/$2 names='' expected='' made_here='' certificate_text='' key_text=''
  active_of "$1"
  if [ -e "$dir" ]; then
    why="generation $2 on the host is not the one that was issued"
    if each file is_there && each hostkey key_is_there && each kept kept_is_there; then
      each file renew_file && set_layout "$dir"
      return
    fi
    if [ "$old" = "$2" ]; then
      why="$dir is active and holds another certificate; renew once more for a new generation"
      return 1
    fi
    each kept refuse_kept || return 1
    why=$(rm -rf "$dir" 2>&1 | one_line)
    [ -z "$why" ] || return 1
  fi
  each kept refuse_kept || return 1
  journal "stage $1 $2 " || return 1
  set --
  for folder in "$base/live" "$base/archive" "$base/archive/$lineage"; do
    [ -d "$folder" ] || set -- "$@" "$folder"
  done
  clear_building
  building=$state/building
  mkdir -m 755 "$@" "$building" 2>/dev/null || why=$(exec mkdir -p -m 755 "$@" "$building" 2>&1)
  [ -d "$building" ] && [ -d "$base/archive/$lineage" ] || {
    why=$(put "$why" | one_line)
    return 1
  }
  each file write_file || return 1
  why="the files of $dir cannot be written; is the disk full?"
  # A full disk can leave a short file behind a command that ended well.
  # shellcheck disable=SC2086 # names of ours
  [ -z "$names" ] || [ "$(cd "$building" && exec cat $names)" = "${expected%"$newline"}" ] || return 1
  each hostkey write_hostkey && key_fits && set_layout "$building" || return 1
  mv -T "$building" "$dir" 2>/dev/null || why=$(exec mv -T "$building" "$dir" 2>&1) && return 0
  why=$(put "$why" | one_line)
  return 1
}
clear_building() { [ ! -e "$state/building" ] || rm -rf "$state/building"; }

# key_fits: before anything becomes active. By the text where that tells it, for OpenSSL takes as long as ten other programs; else
# by OpenSSL, which exports no certificate with another's key.
key_fits() {
  [ -f "$building/privkey.pem" ] && [ -f "$building/cert.pem" ] || return 0
  fits=''
  each public look_at_texts
  [ -z "$fits" ] && command -v openssl >/dev/null 2>&1 || return 0
  why=$(OPENSSL_CONF=/dev/null exec openssl pkcs12 -export -keypbe NONE -certpbe NONE -nomac -passout pass: \
    -in "$building/cert.pem" -inkey "$building/privkey.pem" -out /dev/null 2>&1 </dev/null) && return 0
  if [ -n "$made_here" ]; then
    why='the key that this host made does not belong to the certificate'
    return 1
  fi
  # One that this OpenSSL cannot read is not judged.
  case $why in *'matches private key'* | *mismatch*) ;; *) return 0 ;; esac
  why='the key does not belong to the certificate; nothing was changed'
  return 1
}

# look_at_texts public LINEAGE TEXT TEXT TEXT: whether both files hold that public key, which is told as it is in base64, by where in
# a group of three bytes it begins (RFC 4648, 4).
look_at_texts() {
  [ "$2" = "$lineage" ] || return 0
  has_text "$certificate_text" "$3" "$4" "$5" && has_text "$key_text" "$3" "$4" "$5" && fits=yes
  return 0
}
has_text() {
  without_lines "$1"
  case $joined in *"$2"* | *"$3"* | *"$4"*) ;; *) return 1 ;; esac
}

# without_lines TEXT: sets $joined to its lines, one after another.
without_lines() {
  IFS=$newline
  # shellcheck disable=SC2086 # its lines
  set -- $1
  IFS=''
  joined=$*
  IFS=' '
}

# set_layout FOLDER: owner, group and mode of the key: as they are declared, else as a person gave them to the key before, as far as
# nobody but a group may read it; what is not taken over is told.
set_layout() {
  wanted_owner=- wanted_group=- wanted_mode=''
  each layout note_layout
  [ -f "$1/privkey.pem" ] || return 0
  if [ -z "$wanted_mode" ]; then
    [ "$old" != - ] || return 0
    listed_as "$base/archive/$lineage/$old/privkey.pem" "$listings_before" || return 0
    # shellcheck disable=SC2086 # its fields
    set -- "$1" $line
    case $2:$4 in -rw-------*:"$self") [ "$5" != 0 ] || return 0 ;; esac
    case $2 in
      -rw-------*) wanted_mode=0600 ;;
      -rw-r-----*) wanted_mode=0640 ;;
      -r--r-----*) wanted_mode=0440 ;;
      -r--------*) wanted_mode=0400 ;;
      *)
        told="the key before had $2, which is not taken over: the new one is for its owner alone; declare layout: { key_mode }"
        return 0
        ;;
    esac
    [ "$4" = "$self" ] || wanted_owner=$4
    wanted_group=$5
    [ "$wanted_mode:$wanted_owner" != 0600:- ] || return 0
    told="the key is as the one before was made by hand ($2 $4 $5); declare it: layout: { owner, group, key_mode }"
  fi
  why="the key in $1 cannot be given the owner, group and mode that it is to have"
  give "$wanted_owner" "$wanted_group" "$1/privkey.pem" 2>/dev/null && chmod "$wanted_mode" "$1/privkey.pem" 2>/dev/null
}
# note_layout layout LINEAGE OWNER GROUP MODE
note_layout() { [ "$2" != "$lineage" ] || wanted_owner=$3 wanted_group=$4 wanted_mode=$5; }

# give OWNER GROUP FILE
give() {
  case $1:$2 in
    -:-) ;;
    -:*) chgrp "$2" "$3" ;;
    *:-) chown "$1" "$3" ;;
    *) chown "$1:$2" "$3" ;;
  esac
}

same() { cmp -s "$1" "$2" 2>/dev/null; }

# is_there file LINEAGE NAME MODE CONTENT: whether the generation has it already. A keystore has other bytes each time
# that it is made of the same certificate.
is_there() {
  case $2:$3 in "$lineage":*.pem) ;; *) return 0 ;; esac
  [ -f "$dir/$3" ] && content_is "$dir/$3" "$5"
}
renew_file() {
  case $2:$3 in "$lineage":*.pem) return 0 ;; esac
  [ "$2" = "$lineage" ] || return 0
  # The generation may be active: whoever reads it finds the old file or the new one.
  building=$state
  write_file "$1" "$2" "$3.new" "$4" "$5" && mv -f "$state/$3.new" "$dir/$3" 2>/dev/null
}

# content_is FILE FIELD
content_is() {
  case $2 in
    =*) [ "$(base64 <"$1" | tr -d '\n')" = "${2#=}" ] ;;
    *)
      decode "$2"
      [ "$(cat "$1" && echo .)" = "$decoded." ]
      ;;
  esac
}

# write_file file LINEAGE NAME MODE CONTENT: an empty chain.pem is right for a CA without intermediates.
write_file() {
  [ "$2" = "$lineage" ] || return 0
  is_name "$3" || { why="'$3' cannot be a file's name" && return 1; }
  why="$building/$3 cannot be written; is the disk full?"
  case $4 in 0644) umask 022 ;; esac
  case $5 in
    =*)
      case $3 in cert.pem) certificate_text='' ;; privkey.pem) key_text='' ;; esac
      { put "${5#=}" | base64 -d >"$building/$3"; } 2>/dev/null && content_is "$building/$3" "$5"
      ;;
    *)
      decode "$5"
      names="$names${names:+ }$3" expected=$expected$decoded
      case $3 in cert.pem) certificate_text=$decoded ;; privkey.pem) key_text=$decoded ;; esac
      { put "$decoded" >"$building/$3"; } 2>/dev/null
      ;;
  esac
  set -- "$?"
  umask 077
  return "$1"
}

# hostkey LINEAGE ID GENERATION: the key that this host has made for the certificate, or has in its place already.
key_is_there() { [ "$2" != "$lineage" ] || [ -f "$dir/privkey.pem" ]; }
write_hostkey() {
  [ "$2" = "$lineage" ] || return 0
  is_name "$3" || { why="'$3' cannot be a key's name" && return 1; }
  set -- "$2" "$state/keys/$2/$3.pem"
  why="the key that this host made for the certificate is gone; make new ones: certfleet cert renew $1"
  [ -f "$2" ] || return 1
  why="$dir/privkey.pem cannot be written; is the disk full?"
  cp "$2" "$building/privkey.pem" 2>/dev/null && chmod 600 "$building/privkey.pem" && same "$2" "$building/privkey.pem" || return 1
  made_here=yes key_text=''
  need_openssl
}

# forget_key hostkey LINEAGE ID ...: it rests beside its certificate now.
forget_key() { rm -f "$state/keys/$2/$3.pem"; }

# kept LINEAGE GENERATION: one that the host is to have still, so its key is not sent again.
kept_is_there() { [ "$2" != "$lineage" ] || [ -f "$dir/privkey.pem" ]; }
refuse_kept() {
  [ "$2" = "$lineage" ] || return 0
  [ -f "$dir/privkey.pem" ] || why="generation $3 is not on the host any more"
  why="$why; bring the host forward: certfleet cert renew $2"
  return 1
}

# announce cert LINEAGE GENERATION ...
announce() {
  active_of "$2"
  journal "activate $2 $3 $old"
}

# activate cert LINEAGE GENERATION ...: one rename, so that certificate and key change together.
activate() {
  say begin activate "$2" - 0
  if point "$2" "$3" 2>/dev/null || why=$(point "$2" "$3" 2>&1); then
    step activate "$2" - ok 0
  else
    why=$(put "$why" | one_line)
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

# point LINEAGE GENERATION: plain mv would move the new link into the folder that the old one points to.
# Where there is nothing yet, making the link is one step already.
point() {
  if [ -L "$base/live/$1" ] || [ -e "$base/live/$1" ]; then
    ln -sfn "../archive/$1/$2" "$state/link" && mv -T "$state/link" "$base/live/$1"
  else
    ln -s "../archive/$1/$2" "$base/live/$1"
  fi
}

# tidy cert LINEAGE GENERATION ...: keeps three generations, and the active one whatever its number.
tidy() {
  set +f
  set -- "$3" "$base/archive/$2"/*
  set -f
  [ "$#" -gt 4 ] || return 0
  for folder in "$@"; do
    number=${folder##*/}
    case $folder:$number in "$1":* | *:*[!0-9]*) continue ;; esac
    newer=0
    for entry in "$@"; do
      case ${entry##*/} in *[!0-9]*) continue ;; esac
      [ "$entry" = "$1" ] || [ "${entry##*/}" -le "$number" ] || newer=$((newer + 1))
    done
    [ "$newer" -lt 3 ] || [ "$number" = "$1" ] || rm -rf "$folder"
  done
}

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
  within=${keepers#*"$newline$2$tab$folder$tab"} keeper=nobody
  [ "$within" != "$keepers" ] || return 0
  within=${within%%"$newline"*}
  keeper=${within%%"$tab"*} within=${within#*"$tab"}
  keeper_group=${within%%"$tab"*} within=${within#*"$tab"}
  [ -z "$keeper" ] || staging=$within/.certfleet-$token
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
  keepers="$keepers$newline$1$tab$folder$tab$keeper$tab$keeper_group$tab$within$newline"
}

# place_is_safe install LINEAGE NAMES MODE OWNER GROUP ALLOWED PATH: nobody but root and the agent's user may be able to
# put another file there, or a link to somewhere else.
place_is_safe() {
  destination "$8" "$7" || return 1
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
    owner_is_possible "$5" "$6" || complain "$why"
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
  [ "$2" = "$lineage" ] && destination "$8" "$7" || return 0
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
  given_file=$work/given-$((acts + 1))
  why="$given_file cannot be written; is the disk full?"
  rm -f "$given_file"
  (parts "$1") >"$given_file" 2>/dev/null || return 1
  case $keeper in self) ;; *) set -- "$1" "$2" - "$4" ;; esac
  exec 5<"$given_file"
  within stage "$file" "$2" "$3" "$4"
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
    '') rm -rf "$staging" ;;
    nobody) ;;
    *) ! once clear || within_quietly clear || true ;;
  esac
}

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
  [ -z "$dirty$stuck" ] || ending=failed_dirty
  finish "$ending" "$1${stuck:+; $stuck}"
  action=deploy failed_domains=
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
  if [ "$(readlink "$base/live/$1")" != "../archive/$1/$2" ]; then
    # An undo that was cut off has been here.
    ! logged "restoring $1 " || ending=rolled_back
    return 0
  fi
  # Going back matters more than that it is written.
  journal "restoring $1 " || true
  say begin "${recovering:-revert}" "$1" - 0
  if [ "$3" = - ]; then
    problem=$(rm -f "$base/live/$1" 2>&1)
  else
    problem=$(point "$1" "$3" 2>&1)
  fi
  if [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ]; then
    step "${recovering:-revert}" "$1" - error 1 "$(put "$problem" | one_line)"
    dirty=yes
    return 0
  fi
  ending=rolled_back
  if [ "$3" = - ]; then set -- "$1" "$2" none; fi
  step "${recovering:-revert}" "$1" - ok 0 "generation $2 to $3"
}

# deploy_again cert LINEAGE ...: a deploy hook whose run had started runs once more, now for the old pair. Where there was
# none before, there is nothing to deploy.
deploy_again() {
  had_one_before "$2" && logged "deploy $2 " || return 0
  for_lineage=$2
  in_directories deploy "$2" || dirty=yes
  each hook run_again
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
  owner=$1 found=
  each install had_file_before
  [ -n "$found" ]
}
had_file_before() {
  [ "$2" = "$owner" ] && destination "$8" "$7" && logged "install old $path" && found=yes
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
  [ -f "$state/plan" ] && [ -f "$state/journal" ] || return 0
  logged 'end ' && return 0
  set -- "$plan" "$base"
  recovering=recover
  load "$(cat "$state/plan")"
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
  base=$2 state=$2/.certfleet keepers='' done_within=''
}

find_again() {
  destination "$8" "$7" && find_keeper "$7"
  return 0
}

# --- Errands: what issuing needs of a host, beside any visit -------------------------------------------------

need_openssl() {
  command -v openssl >/dev/null 2>&1 && return 0
  why="the command 'openssl' is missing on the host, which makes its keys itself; install it"
  return 1
}

# token token WHAT WEBROOT NAME CONTENT: a proof of control for the host's web server; RFC 8555 8.3 says where.
token() {
  case $4 in '' | *[!A-Za-z0-9_-]*) why="'$4' is not a token" && return 1 ;; esac
  decode_path "$3" || return 1
  [ "$webroot" = "$path" ] || enter_webroot "$path" || return 1
  set -- "$2" "$webroot/.well-known/acme-challenge" "$4" "${5:-}"
  decode "$4"
  if [ -n "$keeper" ]; then
    token_within "$1" "$3"
  elif [ "$1" = remove ]; then
    why=$(rm -f "$2/$3" "$2/.$3" 2>&1 | one_line)
    [ ! -e "$2/$3" ]
  else
    [ -d "$2" ] || why=$(umask 022 && mkdir -p "$2" 2>&1 | one_line)
    [ -d "$2" ] || return 1
    why="$2/$3 cannot be written by $(id -un); set become: true, or check the webroot"
    rm -f "$2/.$3" 2>/dev/null
    (umask 022 && set -C && put "$decoded" >"$2/.$3") 2>/dev/null && mv -fT "$2/.$3" "$2/$3" 2>/dev/null &&
      content_is "$2/$3" "$4"
  fi
}
token_within() {
  given_file=$work/given-$((acts + 1))
  why="$given_file cannot be written; is the disk full?"
  rm -f "$given_file"
  { put "$decoded" >"$given_file"; } 2>/dev/null || return 1
  exec 5<"$given_file"
  case $1 in place) set -- token "$2" ;; esac
  # shellcheck disable=SC2086 # two names, one or none
  within "$@" $to_make
  set -- "$?"
  exec 5<&-
  rm -f "$given_file"
  return "$1"
}

# enter_webroot FOLDER: finds who acts there. Its own folders on the way to a token may be there, and somebody else's.
enter_webroot() {
  why="the webroot $1 is not a folder on this host"
  [ -d "$1" ] || return 1
  why="$1/.well-known/acme-challenge is, or is below, a symbolic link; name the folder that it leads to as the webroot"
  [ ! -L "$1/.well-known" ] && [ ! -L "$1/.well-known/acme-challenge" ] || return 1
  set -- "$1" "$1"
  to_make='.well-known acme-challenge'
  while [ -n "$to_make" ] && [ -d "$2/${to_make%% *}" ]; do
    set -- "$1" "$2/${to_make%% *}"
    to_make=${to_make#"${2##*/}"}
    to_make=${to_make# }
  done
  survey "$2"
  keeper_of "$2" any || return 1
  if [ -n "$keeper" ]; then
    set -- "$1" "$keeper" "$within"
    begin_errand || return 1
    keeper=$2 within=$3
  fi
  webroot=$1
}

# begin_errand: what a hook's pipes are for a visit, in a folder of its own: a visit may be under way.
begin_errand() {
  prepare || return 1
  work=$state/errand-$$ token=errand-$$
  why="$work cannot be made; is the disk full?"
  rm -rf "$work"
  mkdir -m 700 "$work" 2>/dev/null
}
end_errand() {
  case $work in */errand-*) ;; *) return 0 ;; esac
  end_hooks
  rm -rf "$work"
}

# make_key key LINEAGE ID TYPE REUSE NAMES: a key for a new certificate, and the request for it on stdout's frame.
make_key() {
  why="'$2 $3' cannot name a key"
  is_name "$2" && is_name "$3" || return 1
  need_openssl || return 1
  why="'$6' cannot be names for a certificate"
  decode "$6" && case $decoded in '' | *[!A-Za-z0-9.*:,-]*) return 1 ;; esac
  set -- "$2" "$state/keys/$2/$3" "$4" "$5" "$decoded"
  why=$(mkdir -p "$state/keys/$1" 2>&1 | one_line)
  [ -d "$state/keys/$1" ] || return 1
  if [ "$4" = yes ] && [ -f "$base/live/$1/privkey.pem" ]; then
    why=$(cp "$base/live/$1/privkey.pem" "$2.pem" 2>&1) || return 1
  elif [ ! -f "$2.pem" ]; then
    case $3 in
      ecdsa-p256) set -- "$@" EC ec_paramgen_curve:P-256 ;;
      ecdsa-p384) set -- "$@" EC ec_paramgen_curve:P-384 ;;
      rsa-*) set -- "$@" RSA "rsa_keygen_bits:${3#rsa-}" ;;
      *) why="'$3' is not a kind of key" && return 1 ;;
    esac
    if ! why=$(openssl genpkey -algorithm "$6" -pkeyopt "$7" -out "$2.new" 2>&1 >/dev/null); then
      why=$(put "$why" | one_line)
      return 1
    fi
    mv "$2.new" "$2.pem"
  fi
  { put "[req]
distinguished_name=subject
req_extensions=extensions
[subject]
[extensions]
subjectAltName=$5
" >"$2.cnf"; } 2>/dev/null
  if ! openssl req -new -sha256 -config "$2.cnf" -key "$2.pem" -subj / -out "$2.csr" 2>"$2.err"; then
    why=$(one_line <"$2.err")
    rm -f "$2.cnf" "$2.csr" "$2.err"
    return 1
  fi
  sync_to "$state/keys/$1"
  text=$(cat "$2.csr")$newline
  send stdout
  rm -f "$2.cnf" "$2.csr" "$2.err"
  # Those of certificates that never came, or that never got here.
  # shellcheck disable=SC2012 # the names are ours
  ls -t "$state/keys/$1" | tail -n +4 | while IFS= read -r old; do rm -f "$state/keys/$1/$old"; done
}

# errand: everything that its records ask for, or why not.
errand() {
  say hello "$version" "$(date +%s)"
  why=''
  permitted && each token permit_token && each key permit_key || { say end failed_clean "$why"; return; }
  case $newline$plan in
    *"${newline}key "*) prepare || { say end failed_clean "$why"; return; } ;;
  esac
  if each token token && each key make_key; then set -- ok; else set -- failed_clean "$why"; fi
  end_errand
  say end "$@"
}

# --- Before anything is done ---------------------------------------------------------------------------------

# complain TEXT: everything that is wrong is told at once.
complain() {
  complaint=$1
  step preflight - - error 1 "$1"
}

# permitted: whether an installed agent may be asked all this. It tells nobody what is on the host before it knows that, and changes nothing.
permitted() {
  complaint=''
  each base permit_base || complain "$why"
  each cert permit_lineage && each hostkey permit_lineage || complain "$why"
  each hook permit_hook || complain "$why"
  each directory permit_directory || complain "$why"
  each install permit_file || complain "$why"
  each layout permit_layout || complain "$why"
  each need permit_need || complain "$why"
  why=$complaint
  [ -z "$complaint" ] || return 1
  # What may be done may take its time.
  # shellcheck disable=SC3045
  [ -z "$allowed" ] || ulimit -S -t unlimited 2>/dev/null
  return 0
}

# preflight: whether all that a visit needs is there. Fails when something is not; each is told.
preflight() {
  complaint=''
  [ "$surveyed_for" = "$token" ] || survey_all
  links_before=$links listings_before=$listings
  skew=$((now - clock))
  if [ "$clock" -gt 0 ] && { [ "$skew" -gt 300 ] || [ "$skew" -lt -300 ]; }; then
    complain "the host's clock is $skew seconds from the controller's, 300 are allowed; set it (is its time service running?)"
  fi
  each cert lineage_is_safe
  each directory is_folder
  each need is_found
  each hook user_is_known
  each layout layout_is_possible
  each install place_is_safe
  enough_space
  [ -z "$complaint" ]
}

# lineage_is_safe cert LINEAGE GENERATION ...
lineage_is_safe() {
  ! flaw_of "$base/archive/$2" && ! flaw_of "$base/archive/$2/$3" || {
    explain 'or set another base'
    complain "$why"
  }
}

# enough_space: a visit writes some ten kilobytes for each certificate, to the base and to where its files go.
enough_space() {
  places=$base
  each install add_folder
  IFS=$newline
  # shellcheck disable=SC2046,SC2086 # its lines, and the places
  set -- $(exec df -Pk $places 2>/dev/null)
  [ "$#" -eq 0 ] || shift
  for listed in "$@"; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    has_space $listed || complain "$why"
  done
  IFS=' '
}
# What somebody else could exchange is opened by nobody but them.
add_folder() { destination "$8" "$7" && [ -z "$keeper" ] && [ -d "$folder" ] && places=$places$newline$folder; }

# has_space SYSTEM KIBIBYTES USED FREE ...: `df -P` in POSIX.
has_space() {
  case ${4:-} in '' | *[!0-9]*) return 0 ;; esac
  why="only $4 KiB are free at ${listed#*% }, 1024 are needed"
  [ "$4" -ge 1024 ]
}

# is_folder directory SECONDS FOLDER
is_folder() {
  decode_path "$3"
  [ -d "$path" ] || {
    complain "the folder of hooks $path is not there; make it on the host, or correct 'directories'"
    return 0
  }
  set -- "$path"
  for moment in pre deploy post; do
    list_programs "$1/$moment"
    [ -z "$programs$others" ] || programs_are_ours "$1/$moment" || complain "$why"
  done
}

# is_found need COMMAND WHAT: a command that a hook begins with.
is_found() {
  decode "$2"
  set -- "$decoded" "$3"
  command -v "$1" >/dev/null 2>&1 && return 0
  decode "$2"
  complain "the command '$1' is not found on the host; $decoded"
}

# layout_is_possible layout LINEAGE OWNER GROUP MODE
layout_is_possible() {
  [ "$3$4" = -- ] || [ "$self" -eq 0 ] || complain "only root can give the key of $2 an owner or a group; set become: true"
  [ "$3" = - ] || id "$3" >/dev/null 2>&1 || complain "there is no user '$3' on the host, who is to own the key of $2"
  [ "$4" = - ] || ! command -v getent >/dev/null 2>&1 || getent group "$4" >/dev/null 2>&1 ||
    complain "there is no group '$4' on the host, which is to read the key of $2"
}

user_is_known() {
  [ "$6" != - ] || return 0
  if ! id "$6" >/dev/null 2>&1; then
    complain "there is no user '$6' on the host, as whom a hook is to run"
  elif [ "$(id -un)" != "$6" ] && [ "$(id -u)" -ne 0 ]; then
    complain "only root can run a hook as $6; set become: true"
  fi
}

# --- What an installed agent allows, by its configuration ------------------------------------------------------

# permits LINE: whether the configuration has it. An agent that comes with the request has none, and allows all: its
# key has a shell already.
permits() {
  [ -n "$allowed" ] || return 0
  case $1 in *"$newline"*) ;; *) case "$allowed$newline" in *"$newline$1$newline"*) return 0 ;; esac ;; esac
  why="$configuration does not allow '$1'"
  return 1
}

permit_lineage() { permits "certificate $2"; }
permit_layout() { permits "layout $2 $3 $4 $5"; }
permit_need() { decode "$2" && permits "need $decoded"; }
permit_key() { permit_lineage "$@" && permits "key $4"; }
permit_file() { decode "$8" && permits "file $2 $decoded $3 $4 $5:$6 $7"; }
permit_directory() { decode "$3" && permits "hooks-directory $2 $decoded"; }
permit_token() { decode "$3" && permits "webroot $decoded"; }
permit_base() { decode "$2" && permits "base $decoded"; }

# permit_hook hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...: its line in the configuration is
# `hook MOMENT SECONDS USER FAILURE COMMAND [NAME VALUE]...` as it is sent, with the longest time that it may take.
permit_hook() {
  [ -n "$allowed" ] || return 0
  if [ "$3" != - ]; then
    IFS=,
    for lineage in $3; do
      IFS=' '
      permits "certificate $lineage" || return 1
    done
    IFS=' '
  fi
  moment=$2 seconds=$5
  decode "$8" || return 1
  why="$configuration does not allow this hook as it is sent ($moment, $seconds s, user $6, with these variables): '$decoded'"
  shift 5
  IFS=$newline
  for line in $allowed; do
    IFS=' '
    case $line in "hook $moment "*" $*") ;; *) continue ;; esac
    line=${line#"hook $moment "}
    line=${line%" $*"}
    if is_number "$line" && [ "$seconds" -le "$line" ]; then return 0; fi
  done
  IFS=' '
  why=$(put "$why" | one_line)
  return 1
}

# --- A visit -------------------------------------------------------------------------------------------------

# visit: from the request to the end frame.
visit() {
  now=$(date +%s) active=''
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
  entry=0
  [ ! -f "$state/journal" ] || read -r entry <"$state/journal" || entry=0
  is_number "${entry##* }" || entry=0
  epoch_is_next "${entry##* }" || { refuse; return; }
  preflight || { say end failed_clean "$complaint"; return; }
  begin_journal || { refuse; return; }
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

# epoch_is_next SEEN: none that is older than one that was seen here; and of an installed agent none that is so far ahead that nobody
# could come after it.
epoch_is_next() {
  why="this controller's epoch $epoch is older than $1, which the host has seen; is it a copy of another?"
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
  preflight || { say end failed_clean "$complaint"; return; }
  step preflight - - ok 0
  say end ok
}

# start NONCE VERSION COMMAND
start() {
  nonce=$1
  set -f
  # Caught and not ignored: what is ignored here would be ignored by every program that a hook starts.
  trap : HUP PIPE
  exec 3<&0
  if [ "$2" != "$version" ]; then
    say end failed_clean "the agent on this host is of version $version and the controller asks one of version $2; install it anew"
    exit 0
  fi
  take_request "$certfleet_request" || {
    say end failed_clean "$why"
    exit 0
  }
  unset certfleet_request
  load "$plan"
  case $3 in
    query) query "$confirm" ;;
    errand) errand ;;
    check) check ;;
    visit) visit ;;
  esac
  exit 0
}

# certfleet_main NONCE VERSION COMMAND end: the line that starts everything. Its last word shows that the line is whole.
certfleet_main() {
  [ "${4:-}" = end ] || exit 1
  start "$1" "$2" "$3"
}

# certfleet_installed CONFIGURATION: the last line of an agent that is installed on a host. It reads the request as data;
# a script that comes before it is skipped. What the configuration does not name is not done.
certfleet_installed() {
  configuration=$1 allowed='' certfleet_request='' part=script
  while IFS= read -r line; do
    case $line in '' | '#'*) ;; *) allowed=$allowed$newline$line ;; esac
  done <"$configuration"
  [ -n "$allowed" ] || allowed=nothing
  # Whoever has the key may send anything, or nothing: what it takes to read it is bounded.
  read_by 120 &
  reader=$! bytes=0 records=0 latest=''
  # shellcheck disable=SC3045 # every shell that we know has -t
  ulimit -S -t 20 2>/dev/null
  while IFS= read -r line; do
    bytes=$((bytes + ${#line})) records=$((records + 1))
    [ "$bytes" -le 16777216 ] && [ "$records" -le 25000 ] || exit 1
    case $part:$line in
      script:"certfleet_request='"*)
        part=records
        line=${line#"certfleet_request='"}
        ;;
      script:* | records:*) [ "$part" = records ] || continue ;;
      start:'certfleet_main '*' end')
        kill "$reader" 2>/dev/null
        certfleet_request=$certfleet_request$latest
        certfleet_request=${certfleet_request#"$newline"}
        set -f
        IFS=' '
        # shellcheck disable=SC2086 # its words
        set -- $line
        case $2 in *[!A-Za-z0-9]*) exit 1 ;; esac
        start "$2" "$3" "$4"
        ;;
      *) exit 1 ;;
    esac
    case $line in *"'") part=start ;; esac
    latest=$latest$newline${line%"'"}
    # By pieces, as a shell copies the whole for each line that comes to it.
    [ "${#latest}" -lt 65536 ] || certfleet_request=$certfleet_request$latest latest=''
  done
  kill "$reader" 2>/dev/null
  exit 1
}

# read_by SECONDS: ends the agent where its request is not there by then.
read_by() {
  exec </dev/null >/dev/null 2>&1
  sleep "$1" &
  sleeper=$!
  trap 'kill "$sleeper" 2>/dev/null; exit 0' TERM
  wait "$sleeper" && kill -s KILL "$$"
}
