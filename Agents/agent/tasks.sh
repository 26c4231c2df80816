# --- Tasks: what issuing needs of a host, beside any visit ----------------------------------------------------

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
    begin_task || return 1
    keeper=$2 within=$3
  fi
  webroot=$1
}

# begin_task: what a hook's pipes are for a visit, in a folder of its own: a visit may be under way.
begin_task() {
  prepare || return 1
  work=$state/task-$$ token=task-$$
  why="$work cannot be made; is the disk full?"
  rm -rf "$work"
  mkdir -m 700 "$work" 2>/dev/null
}
end_task() {
  case $work in */task-*) ;; *) return 0 ;; esac
  end_hooks
  throw_away "$work"
  remove_rubbish
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

# task: everything that its records ask for, or why not.
task() {
  say hello "$version" "$(date +%s)"
  why=''
  is_permitted || { say end failed_clean "$why"; return; }
  case $newline$plan in
    *"${newline}key "*) prepare || { say end failed_clean "$why"; return; } ;;
  esac
  if each token token && each key make_key; then set -- ok; else set -- failed_clean "$why"; fi
  end_task
  say end "$@"
}
