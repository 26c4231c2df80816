# --- What a request may hold: an installed agent believes none, and a shell calculates with whatever it is given ----

# is_valid KIND FIELD...: a kind that is not known is not passed over, for it might be what forbids something.
is_valid() {
  case $1 in
    visit) only_one visit && visit_is_valid "$@" ;;
    base) only_one base && base_is_valid "$@" ;;
    cert) cert_is_valid "$@" ;;
    layout) [ "$#" -eq 5 ] && is_name "$2" && is_account "$3" && is_account "$4" && is_key_mode "$5" ;;
    # Files of no certificate would be kept, and read on through, to the end.
    file) [ "$#" -eq 5 ] && slot_of "$2" && is_name "$3" && case $4 in 0600 | 0644) ;; *) false ;; esac ;;
    public) [ "$#" -eq 5 ] && is_name "$2" && is_key_text "$3" && is_key_text "$4" && is_key_text "$5" ;;
    kept) [ "$#" -eq 3 ] && is_name "$2" && is_number "$3" ;;
    certbot) [ "$#" -eq 3 ] && is_name "$2" && case $3 in take | back) ;; *) false ;; esac ;;
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

# only_one KIND: which of these there were already is in $met.
only_one() {
  case $met in *" $1 "*) return 1 ;; esac
  met="$met$1 "
}
names_visit_and_base() {
  why='the request must name one visit and one base'
  case $met in ' visit base ' | ' base visit ') ;; *) return 1 ;; esac
}

visit_is_valid() {
  [ "$#" -eq 8 ] && is_name "$2" && is_number "$3" && is_number "$4" && is_number "$5" && is_name "$6" &&
    is_number "$7" && is_number "$8" && { [ -z "$allowed" ] || [ "$7" -le 7200 ]; }
}
base_is_valid() { decode_path "$2" && case $path in *"$newline"* | [!/]* | /) return 1 ;; esac; }
cert_is_valid() {
  # Once each: what is done for one is done for all its records.
  [ "$#" -eq 5 ] && is_name "$2" && ! slot_of "$2" && is_number "$3" && are_domains "$5"
}

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
