# --- The request: records of space-separated fields, one a line ----------------------------------------------

# through RECORDS KIND FUNCTION: calls FUNCTION with the fields of every record of that kind, until it fails. The list is
# expanded before the first call, so calls may nest.
through() {
  IFS=$newline
  for record in $1; do
    IFS=' '
    # shellcheck disable=SC2086 # the fields are to be split
    case $record in
      "$2 "*) "$3" $record || return 1 ;;
    esac
  done
  IFS=' '
}

# each KIND FUNCTION: of the whole plan.
each() { through "$plan" "$@"; }

# asks RECORD: whether the plan has that very one.
asks() { case "$newline$plan$newline" in *"$newline$1$newline"*) ;; *) return 1 ;; esac; }

# own KIND FUNCTION: of the certificate in $slot alone: what is done for one does not go through the records of all. Files are most of a
# request, and apart from the others.
own() {
  case $1 in
    file) eval "through \"\$files_$slot\" \"\$@\"" ;;
    *) eval "through \"\$own_$slot\" \"\$@\"" ;;
  esac
}

# slot_of LINEAGE: sets $slot to its certificate's number in the request. Records come in the order of their certificates, so it is
# mostly where the last one was; else it is among those of its key. Fails where there is none.
slot_of() {
  [ "$slot" -gt "$slots" ] || eval "[ \"\${name_$slot:-}\" != \"\$1\" ]" || return 0
  key_of "$1" || return 1
  candidates=''
  eval "candidates=\${slots_$key:-}"
  for slot in $candidates; do
    # A request that was loaded before had others.
    [ "$slot" -gt "$slots" ] || eval "[ \"\${name_$slot:-}\" != \"\$1\" ]" || return 0
  done
  slot=1
  return 1
}

# key_of LINEAGE: sets $key to the end of a variable's name, which few lineages share.
key_of() {
  is_name "$1" || return 1
  IFS='.-'
  # shellcheck disable=SC2086 # its parts
  set -- $1
  IFS=_
  key="$*"
  IFS=' '
}

# add_slot LINEAGE: one more certificate.
add_slot() {
  slots=$((slots + 1))
  key_of "$1" || return 1
  eval "name_$slots=\$1 slots_$key=\"\${slots_$key:-} \$slots\""
}

# gather TEXT: appends it to $gathered, which $gathering is still to be added to. A shell copies what it appends to, and all of it for each
# record would take longer the more there are.
gather() {
  gathering=$gathering$1
  [ "${#gathering}" -lt 4096 ] || {
    gathered=$gathered$gathering
    gathering=''
  }
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

# load PLAN: makes these records the current ones, beside the files.
load() {
  plan=$1 slots=0 slot=1 directories=''
  token='' epoch=0 rollout=0 wave=0 host='' base='' confirm=0 clock=0 all_domains='' all_lineages='' controller_id='' controller_name=''
  each visit load_visit
  each base load_base
  each controller load_controller
  each cert load_cert
  IFS=$newline
  for record in $plan; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    case $record in
      layout\ * | public\ * | kept\ * | hostkey\ * | install\ * | hook\ deploy\ *) keep_own $record ;;
      directory\ *) directories=$directories$newline$record ;;
    esac
  done
  IFS=' '
  state=$base/.certfleet
  stays='' retires='' action=deploy
  if asks stay; then stays=yes; fi
  if asks retire; then retires=yes action=retire; fi
}
load_visit() { token=$2 epoch=$3 rollout=$4 wave=$5 host=$6 confirm=$7 clock=$8; }
load_controller() { controller_id=$2 controller_name=$3; }
load_base() { decode_path "$2" && base=$path; }
load_cert() {
  add_slot "$2"
  all_lineages="$all_lineages${all_lineages:+ }$2"
  eval "own_$slots=\$record"
  decode "$5" && all_domains="$all_domains${all_domains:+ }$decoded"
}
# keep_own KIND FIELD...: $record, beside its certificate. A hook that several share belongs to none.
keep_own() {
  case $1 in hook) set -- "$3" ;; *) set -- "$2" ;; esac
  ! slot_of "$1" || eval "own_$slot=\$own_$slot\$newline\$record"
}

# take_request TEXT: sets $plan, and beside each certificate its files; or $why, where an installed agent believes it not.
take_request() {
  # shellcheck disable=SC2034 # those of no certificate, by its number
  slots=0 slot=1 gathered='' gathering='' files_0=''
  IFS=$newline
  for record in $1; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    [ -z "$allowed" ] || is_valid $record || {
      why="the request cannot be read: there is a record '${record%% *}' that is not as it should be"
      return 1
    }
    # shellcheck disable=SC2086
    case $record in
      file\ *) keep_file $record ;;
      cert\ *) take_cert $record && gather "$newline$record" ;;
      *) gather "$newline$record" ;;
    esac
  done
  plan=$gathered$gathering
  IFS=' '
  [ -z "$allowed" ] || names_visit_and_base
}
take_cert() { add_slot "$2" && eval "files_$slots=''"; }
keep_file() {
  slot_of "$2" || slot=0
  eval "files_$slot=\$files_$slot\$newline\$record"
}

is_name() { case $1 in '' | .* | -* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }
is_number() { case $1 in '' | *[!0-9]* | 0?* | ???????????????*) return 1 ;; esac; }
is_account() { case $1 in -) ;; '' | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) return 1 ;; esac; }

# controller ID NAME EPOCH SINCE
controller_is_valid() { [ "$#" -eq 5 ] && is_name "$2" && is_name "$3" && is_number "$4" && is_number "$5"; }
