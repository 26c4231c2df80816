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
  case "$newline$plan$newline" in *"${newline}stay$newline"*) stays=yes ;; *) stays='' ;; esac
  case "$newline$plan$newline" in *"${newline}retire$newline"*) retires=yes action=retire ;; *) retires='' action=deploy ;; esac
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

# --- What a request may hold: an installed agent believes none, and a shell calculates with whatever it is given ----

# take_request TEXT: sets $plan, and beside each certificate its files; or $why, where the request is not well formed.
take_request() {
  # shellcheck disable=SC2034 # those of no certificate, by its number
  visits=0 bases=0 slots=0 slot=1 gathered='' gathering='' files_0=''
  IFS=$newline
  for record in $1; do
    IFS=' '
    # shellcheck disable=SC2086 # its fields
    is_valid $record || {
      why="the request cannot be read: there is a record '${record%% *}' that is not as it should be"
      return 1
    }
    case $record in file\ *) eval "files_$slot=\$files_$slot\$newline\$record" ;; *) gather "$newline$record" ;; esac
  done
  plan=$gathered$gathering
  IFS=' ' why='the request must name one visit and one base'
  [ "$visits:$bases" = 1:1 ]
}

# is_valid KIND FIELD...: a kind that is not known is not passed over, for it might be what forbids something.
is_valid() {
  case $1 in
    visit) visits=$((visits + 1)) && visit_is_valid "$@" ;;
    base) bases=$((bases + 1)) && base_is_valid "$@" ;;
    cert) cert_is_valid "$@" ;;
    layout) [ "$#" -eq 5 ] && is_name "$2" && is_account "$3" && is_account "$4" && is_key_mode "$5" ;;
    file) [ "$#" -eq 5 ] && is_name "$2" && is_name "$3" && { slot_of "$2" || slot=0; } && case $4 in 0600 | 0644) ;; *) false ;; esac ;;
    public) [ "$#" -eq 5 ] && is_name "$2" && is_key_text "$3" && is_key_text "$4" && is_key_text "$5" ;;
    kept) [ "$#" -eq 3 ] && is_name "$2" && is_number "$3" ;;
    back | mend) [ "$#" -eq 2 ] && is_name "$2" ;;
    hostkey) [ "$#" -eq 4 ] && is_name "$2" && is_name "$3" && is_number "$4" ;;
    install) install_is_valid "$@" ;;
    hook) hook_is_valid "$@" ;;
    directory) [ "$#" -eq 3 ] && is_number "$2" && decode_path "$3" && [ "${#path}" -le 4096 ] ;;
    need) [ "$#" -eq 3 ] ;;
    key) [ "$#" -eq 6 ] && is_name "$2" && is_name "$3" && is_key_type "$4" ;;
    token) [ "$#" -eq 4 ] || [ "$#" -eq 5 ] ;;
    stay | retire) [ "$#" -eq 1 ] ;;
    controller) controller_is_valid "$@" ;;
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

visit_is_valid() {
  [ "$#" -eq 8 ] && is_name "$2" && is_number "$3" && is_number "$4" && is_number "$5" && is_name "$6" &&
    is_number "$7" && is_number "$8" && { [ -z "$allowed" ] || [ "$7" -le 7200 ]; }
}
base_is_valid() { decode_path "$2" && case $path in *"$newline"* | [!/]* | /) return 1 ;; esac; }
cert_is_valid() {
  # Once each: what is done for one is done for all its records.
  [ "$#" -eq 5 ] && is_name "$2" && ! slot_of "$2" && is_number "$3" && are_domains "$5" && add_slot "$2" || return 1
  eval "files_$slots=''"
}

# controller ID NAME EPOCH SINCE
controller_is_valid() { [ "$#" -eq 5 ] && is_name "$2" && is_name "$3" && is_number "$4" && is_number "$5"; }

# install LINEAGE PARTS MODE OWNER GROUP ALLOWED PATH
install_is_valid() {
  [ "$#" -eq 8 ] && is_name "$2" && are_names + "$3" && is_account "$5" && is_account "$6" && decode_path "$8" || return 1
  case $4 in 0[46][04][04]) ;; *) return 1 ;; esac
  # Together they would let somebody choose a file of root's.
  case $7 in - | symlink | shared) ;; *) return 1 ;; esac
  [ "${#path}" -le 4096 ] || return 1
  case $path in *"$newline"* | [!/]* | */) return 1 ;; esac
}

# hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...
hook_is_valid() {
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
