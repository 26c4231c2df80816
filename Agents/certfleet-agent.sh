#!/bin/sh
# certfleet's agent: what happens on a host. It arrives on stdin of `exec /bin/sh -s`, followed by the request
# and by the one line that starts it; PROTOCOL.md describes both. Until that last line nothing runs, so a cut
# transfer does nothing.
#
# POSIX sh, and the commands that `tools` names. Functions share variables: there is no `local` in POSIX, so
# what a function keeps across a call of another stands in its positional parameters.

set -u
# Hooks run with the mask that the login has; what the agent makes is for itself alone.
inherited=$(umask)
umask 077
# Every shell that we know has -c, and what has it not goes on without.
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
newline='
'
version=1
tools='base64 cat chmod cmp cp date dd env flock ln ls mkdir mkfifo mv readlink rm setsid sleep sort sync tail tr wc'
recovering=
action=deploy
failed_domains=
watches=0

# --- Talking: frames on stdout -------------------------------------------------------------------------------

# say FIELD…: one frame without bytes. Only echo is a builtin of every shell, so no secret and no text of ours
# becomes another program's argument. A connection that is gone is no failure of the visit.
say() { echo "@certfleet $nonce 0 $*" 2>/dev/null || true; }

# step NAME LINEAGE INDEX OUTCOME VALUE [TEXT]: how something went.
step() { say step "$@"; }

one_line() { tr '\n\r\t' '   '; }

# --- The request: records of space-separated fields, one a line ----------------------------------------------

# each KIND FUNCTION: calls FUNCTION with the fields of every record of that kind, until it fails. The list is
# expanded before the first call, so calls may nest.
each() {
  IFS=$newline
  for record in $plan; do
    IFS=' '
    # shellcheck disable=SC2086 # the fields are to be split
    case $record in
      "$1 "*) "$2" $record || return 1 ;;
    esac
  done
  IFS=' '
}

# decode BASE64: sets $decoded, with trailing newlines kept.
decode() {
  decoded=$(echo "$1" | base64 -d && echo .) || return 1
  decoded=${decoded%.}
}

# decode_path BASE64: sets $path; `~/` is the login user's own folder, as ssh and every shell write it.
decode_path() {
  decode "$1" || return 1
  # shellcheck disable=SC2088
  case $decoded in '~/'*) path=${HOME:-}/${decoded#'~/'} ;; *) path=$decoded ;; esac
}

# load PLAN: makes a request's records the current ones.
load() {
  plan=$1
  token='' epoch=0 rollout=0 wave=0 host='' base='' confirm=0 all_domains=''
  each visit load_visit
  each base load_base
  each cert load_domains
  state=$base/.certfleet
}
load_visit() { token=$2 epoch=$3 rollout=$4 wave=$5 host=$6 confirm=$7; }
load_base() { decode_path "$2" && base=$path; }
load_domains() { decode "$5" && all_domains="$all_domains${all_domains:+ }$decoded"; }

# --- The journal: what this visit has begun, one line before each effect -------------------------------------

# It is read back: on a full disk a shell may not learn that its line was lost, and what is not in the journal
# could not be undone.
journal() {
  { echo "$*" >>"$state/visit/log"; } 2>/dev/null && logged "$*" && return 0
  why="$state/visit/log cannot be written; is the disk full?"
  return 1
}

# logged PREFIX: whether a line begins so; it is left in $entry.
logged() {
  [ -f "$state/visit/log" ] || return 1
  while IFS= read -r entry; do
    case $entry in "$1"*) return 0 ;; esac
  done <"$state/visit/log"
  return 1
}

# finish OUTCOME TEXT…: the visit's end, on disk before it is told.
finish() {
  journal "end $*"
  rm -rf "$state/staging" "$state/hook"
  sync_to "$state"
  [ -n "$recovering" ] || say end "$@"
}

sync_to() { sync -f "$1" 2>/dev/null || sync; }

# --- Lock and preflight --------------------------------------------------------------------------------------

# prepare: tools and folders. Sets $why when it fails.
prepare() {
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || {
      why="the command '$tool' is missing on the host; install it"
      return 1
    }
  done
  for folder in "$base" "$base/live" "$base/archive" "$state"; do
    [ -d "$folder" ] || why=$(umask 022 && mkdir -p "$folder" 2>&1 | one_line)
    [ -d "$folder" ] || return 1
    why="$folder cannot be written by $(id -un); set become: true or another base"
    [ -w "$folder" ] || return 1
  done
  chmod 700 "$state"
  why="$state/lock cannot be written; is the disk full, or out of inodes?"
  { true >>"$state/lock"; } 2>/dev/null
}

# lock SECONDS: one visit at a time. The kernel frees the lock when its holder ends, however that happens.
lock() {
  exec 9>>"$state/lock"
  tries=0
  until flock -n 9 9>&9; do
    [ "$tries" -lt "$1" ] || return 1
    tries=$((tries + 1))
    sleep 1
  done
}

# --- Hooks ---------------------------------------------------------------------------------------------------

# wait_for PID: its exit status. A trapped signal ends `wait` early, so it is asked again while PID lives.
wait_for() {
  while :; do
    wait "$1"
    set -- "$1" "$?"
    kill -0 "$1" 2>/dev/null || return "$2"
  done
}

# alone COMMAND…: for what runs beside the agent and may outlive it: it must hold neither the lock nor the stdin nor
# the stdout. Closing them by `exec` and not on the command: a shell keeps a copy of what it redirects for a function.
alone() {
  exec 3<&- 9>&- >/dev/null 2>&1
  "$@"
}

# after SECONDS MARKER COMMAND…: runs it unless the marker is gone before. A file and not a signal: each shell has a
# moment in which it misses one, and what came too late would go to whatever has that process id by then.
after() {
  left=$1 watched=$2
  shift 2
  while [ -e "$watched" ]; do
    if [ "$left" -le 0 ]; then
      rm -f "$watched"
      "$@"
      return
    fi
    sleep 1
    left=$((left - 1))
  done
}

# watch SECONDS COMMAND…: begins such a watch beside the agent; it ends with `rm "$marker"`, a second later.
watch() {
  watches=$((watches + 1))
  marker=$state/watch-$nonce-$watches
  # true and not `:`, whose failed redirection would end the whole shell (POSIX, special built-in utilities).
  true >"$marker"
  seconds=$1
  shift
  alone after "$seconds" "$marker" "$@" </dev/null &
}

# stop_hook: TERM, five seconds, KILL, to the hook's whole process group.
stop_hook() {
  true >"$state/hook/timed-out"
  group=$(cat "$state/hook/group")
  kill -s TERM -- "-$group"
  for _ in 1 2 3 4 5; do
    kill -s 0 -- "-$group" || return 0
    sleep 1
  done
  kill -s KILL -- "-$group"
}

# drain FOLDER: takes a hook's stream from stdin and keeps the first and the last two chunks of it; each is at
# most 4 MiB, and what is dropped is counted. dd writes what it reads at once, so nothing is lost when this is
# ended early.
drain() {
  dropped=0
  dd bs=4096 count=1024 of="$1/first"
  while dd bs=4096 count=1024 of="$1/next" && [ -s "$1/next" ]; do
    if [ -f "$1/previous" ]; then
      dropped=$((dropped + $(wc -c <"$1/previous")))
      echo "$dropped" >"$1/dropped"
    fi
    [ -f "$1/last" ] && mv "$1/last" "$1/previous"
    mv "$1/next" "$1/last"
  done
  rm -f "$1/next"
}

# send_stream NAME FOLDER: the first and last 32 KiB of what drain kept, and how much there was.
send_stream() {
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
  [ -f "$2/dropped" ] && dropped=$(cat "$2/dropped")
  echo "@certfleet $nonce $(($(wc -c <"$2/kept"))) output $1 $(($3 + dropped))"
  cat "$2/kept"
  echo
}

# run_hook hook MOMENT LINEAGE INDEX SECONDS COMMAND: runs it and tells how it went; fails as the hook does.
run_hook() {
  decode "$6" || return 1
  rm -rf "$state/hook"
  mkdir -p "$state/hook/stdout" "$state/hook/stderr"
  mkfifo "$state/hook/out" "$state/hook/err"
  name=${recovering:-$2}
  [ "$action" = rollback ] && [ "$2" = deploy ] && name=${recovering:-revert}
  say begin "$name" "$3" "$4" "$5"
  alone drain "$state/hook/stdout" <"$state/hook/out" &
  out=$!
  alone drain "$state/hook/stderr" <"$state/hook/err" &
  err=$!
  hook_environment "$2" "$3"
  # A process group of its own, so that a deadline reaches everything that the hook has started. It says itself
  # which: some shells run what is in the background through one process more, so $! may be another.
  # shellcheck disable=SC2016 # the inner shell expands it
  env -i PATH="$PATH" HOME="${HOME:-/}" USER="${USER:-}" LOGNAME="${LOGNAME:-}" SHELL=/bin/sh \
    ${lineage_path:+"RENEWED_LINEAGE=$lineage_path"} ${domains:+"RENEWED_DOMAINS=$domains"} \
    ${failed_domains:+"FAILED_DOMAINS=$failed_domains"} ${generation:+"CERTFLEET_GENERATION=$generation"} \
    CERTFLEET_HOST="$host" CERTFLEET_ROLLOUT="$rollout" CERTFLEET_WAVE="$wave" CERTFLEET_ACTION="$action" \
    setsid /bin/sh -c 'echo "$$" >"$0" && umask "$2" && exec /bin/sh -c "$1"' "$state/hook/group" "$decoded" \
    "$inherited" </dev/null >"$state/hook/out" 2>"$state/hook/err" 3<&- 9>&- &
  pid=$!
  watch "$5" stop_hook
  set -- "$@" "$!"
  wait_for "$pid"
  status=$?
  rm -f "$marker"
  [ -f "$state/hook/timed-out" ] && wait_for "$7" 2>/dev/null
  # A background child of the hook may hold the streams open for good; it is not waited for.
  watch 1 kill -s KILL "$out" "$err"
  wait_for "$out" 2>/dev/null
  wait_for "$err" 2>/dev/null
  rm -f "$marker"
  send_stream stdout "$state/hook/stdout"
  send_stream stderr "$state/hook/stderr"
  if [ -f "$state/hook/timed-out" ]; then
    step "$name" "$3" "$4" timeout "$5"
    return 1
  elif [ "$status" -gt 128 ] && kill -l "$((status - 128))" >/dev/null 2>&1; then
    step "$name" "$3" "$4" signal "$((status - 128))"
    return 1
  elif [ "$status" -ne 0 ]; then
    step "$name" "$3" "$4" exit "$status"
    return 1
  fi
  step "$name" "$3" "$4" ok 0
}

# hook_environment MOMENT LINEAGE: certbot's variables for this hook alone: deploy gets the renewed lineage and
# its domains, post the domains that were renewed and those that were not, pre none.
hook_environment() {
  lineage_path='' domains='' generation=''
  case $1 in
    deploy)
      lineage_path=$base/live/$2
      each cert for_deploy
      ;;
    post) [ -n "$failed_domains" ] || domains=$all_domains ;;
  esac
}
for_deploy() {
  [ "$base/live/$2" = "$lineage_path" ] || return 0
  generation=$3
  set -- "$decoded" "$5"
  decode "$2"
  domains=$decoded
  decoded=$1
}

run_pre() {
  [ "$2" = pre ] || return 0
  run_hook "$@" || { why="a pre hook failed" && return 1; }
}

run_deploy() {
  [ "$2" = deploy ] || return 0
  journal "deploy $3 $4 " || return 1
  run_hook "$@" || { why="deploy hook of $3 failed" && return 1; }
}

# run_post: every one runs, whatever the one before did; after a crash only those that had not ended.
run_post() {
  [ "$2" = post ] || return 0
  logged "posted $4 " && return 0
  run_hook "$@" || post_failed=yes
  journal "posted $4 "
}

# --- Certificates: staged aside, activated by one rename -----------------------------------------------------

# stage cert LINEAGE GENERATION FINGERPRINT DOMAINS
stage() {
  say begin stage "$2" - 0
  case $2 in '' | .* | *[!A-Za-z0-9._-]*) why="'$2' cannot be a folder's name" ;; *) why='' ;; esac
  case $3 in '' | *[!0-9]*) why="'$3' is not a generation" ;; esac
  [ -n "$why" ] || is_ours "$2" || why="$base/live/$2 is not a link that certfleet made; move it away or set another base"
  [ -n "$why" ] || { stage_files "$2" "$3" && why=''; }
  if [ -n "$why" ]; then
    step stage "$2" - error 1 "$why"
    return 1
  fi
  step stage "$2" - ok 0
}

# is_ours LINEAGE: whether its place is free, or a link of ours to a generation that is there.
is_ours() {
  [ -e "$base/live/$1" ] || [ -L "$base/live/$1" ] || return 0
  set -- "$1" "$(readlink "$base/live/$1")"
  case ${2#"../archive/$1/"} in '' | *[!0-9]*) return 1 ;; esac
  [ -d "$base/archive/$1/${2##*/}" ]
}

# stage_files LINEAGE GENERATION: the files go into a folder beside their place, which then takes it by rename.
stage_files() {
  staging=$state/staging/$1 lineage=$1
  why=$(mkdir -p "$staging" 2>&1 | one_line)
  each file stage_file || return 1
  each hostkey stage_hostkey || return 1
  set -- "$1" "$2" "$base/archive/$1/$2"
  same "$staging/fullchain.pem" "$3/fullchain.pem" && same "$staging/privkey.pem" "$3/privkey.pem" && return 0
  if [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ]; then
    why="$3 is active and holds another certificate; renew once more for a new generation"
    return 1
  fi
  journal "stage $1 $2 " || return 1
  [ -d "$base/archive/$1" ] || why=$(mkdir -m 755 "$base/archive/$1" 2>&1 | one_line)
  if ! why=$({ rm -rf "$3" && chmod 755 "$staging" && mv -T "$staging" "$3"; } 2>&1); then
    why=$(echo "$why" | one_line)
    return 1
  fi
  sync_to "$3"
}

same() { cmp -s "$1" "$2" 2>/dev/null; }

# stage_file file LINEAGE NAME MODE CONTENT: an empty chain.pem is right for a CA without intermediates.
stage_file() {
  [ "$2" = "$lineage" ] || return 0
  case $3 in '' | .* | *[!A-Za-z0-9._-]*) why="'$3' cannot be a file's name" && return 1 ;; esac
  why="$staging/$3 cannot be written; is the disk full?"
  { echo "${5:-}" | base64 -d >"$staging/$3"; } 2>/dev/null && chmod "$4" "$staging/$3" 2>/dev/null || return 1
  # A full disk can leave a short file behind a pipe that ended well.
  [ "$(base64 <"$staging/$3" | tr -d '\n')" = "${5:-}" ]
}

# stage_hostkey hostkey LINEAGE ID GENERATION: the key that this host has made for the certificate, or that it has in its
# place already.
stage_hostkey() {
  [ "$2" = "$lineage" ] || return 0
  is_name "$3" || { why="'$3' cannot be a key's name" && return 1; }
  set -- "$2" "$state/keys/$2/$3.pem" "$base/archive/$2/$4" "$staging"
  if [ ! -f "$2" ] && same "$4/fullchain.pem" "$3/fullchain.pem"; then set -- "$1" "$3/privkey.pem" "$3" "$4"; fi
  why="the key that this host made for the certificate is gone; make new ones: certfleet cert renew $1"
  [ -f "$2" ] || return 1
  why="$4/privkey.pem cannot be written; is the disk full?"
  cp "$2" "$4/privkey.pem" 2>/dev/null && chmod 600 "$4/privkey.pem" && same "$2" "$4/privkey.pem" || return 1
  need_openssl || return 1
  why="the key that this host made does not belong to the certificate"
  [ "$(openssl x509 -noout -pubkey -in "$4/cert.pem" 2>&1)" = "$(openssl pkey -pubout -in "$2" 2>&1)" ]
}

# forget_key hostkey LINEAGE ID …: it rests beside its certificate now.
forget_key() { rm -f "$state/keys/$2/$3.pem"; }

# activate cert LINEAGE GENERATION …
activate() {
  say begin activate "$2" - 0
  old=$(readlink "$base/live/$2")
  old=${old##*/}
  if journal "activate $2 $3 ${old:--}" && why=$(point "$2" "$3" 2>&1); then
    step activate "$2" - ok 0
  else
    why=$(echo "$why" | one_line)
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

# point LINEAGE GENERATION: one rename, so that certificate and key change together. Plain mv would move the new
# link into the folder that the old one points to.
point() {
  rm -f "$state/link" && ln -s "../archive/$1/$2" "$state/link" && mv -T "$state/link" "$base/live/$1" &&
    sync_to "$base/live"
}

# tidy cert LINEAGE GENERATION …: keeps three generations, and the active one whatever its number.
tidy() {
  set -- "$2" "$(readlink "$base/live/$2")"
  # shellcheck disable=SC2012 # the names are numbers
  ls "$base/archive/$1" | sort -rn | tail -n +4 | while IFS= read -r generation; do
    case $generation in *[!0-9]*) continue ;; esac
    [ "$2" = "../archive/$1/$generation" ] || rm -rf "$base/archive/$1/$generation"
  done
}

# --- Going back ----------------------------------------------------------------------------------------------

# undo TEXT: from whatever the journal says was begun, back to the pair before it. It serves a failed step and a
# visit that was cut off alike.
undo() {
  dirty='' ending=failed_clean action=rollback failed_domains=$all_domains post_failed=
  each cert restore
  if logged 'deploy '; then each hook deploy_again; fi
  if logged 'pre' || logged 'activate '; then each hook run_post; fi
  each cert discard
  [ -z "$dirty" ] || ending=failed_dirty
  finish "$ending" "$1"
  action=deploy failed_domains=
}

# restore cert LINEAGE GENERATION …: one that cannot be restored does not keep the others from it.
restore() {
  logged "activate $2 $3 " || return 0
  set -- "$2" "$3" "${entry##* }"
  [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ] || return 0
  [ "$2" = "$3" ] && return 0
  say begin "${recovering:-revert}" "$1" - 0
  if [ "$3" = - ]; then
    problem=$(rm -f "$base/live/$1" 2>&1)
  else
    problem=$(point "$1" "$3" 2>&1)
  fi
  if [ "$(readlink "$base/live/$1")" = "../archive/$1/$2" ]; then
    step "${recovering:-revert}" "$1" - error 1 "$(echo "$problem" | one_line)"
    dirty=yes
    return 0
  fi
  ending=rolled_back
  step "${recovering:-revert}" "$1" - ok 0
}

# deploy_again hook MOMENT LINEAGE …: a deploy hook whose run had started runs once more, now for the old pair.
# Where there was none before, there is nothing to deploy.
deploy_again() {
  [ "$2" = deploy ] && logged "deploy $3 $4 " || return 0
  logged "activate $3 " || return 0
  [ "${entry##* }" != - ] || return 0
  run_hook "$@" || dirty=yes
}

# discard cert LINEAGE GENERATION …: what was staged and did not stay goes, with its key.
discard() {
  logged "stage $2 $3 " || return 0
  [ "$(readlink "$base/live/$2")" = "../archive/$2/$3" ] || rm -rf "${base:?}/archive/$2/$3"
}

# recover: brings a visit that was cut off to its end, from its own journal and plan.
recover() {
  [ -f "$state/visit/plan" ] && [ -f "$state/visit/log" ] || return 0
  logged 'end ' && return 0
  set -- "$plan" "$base"
  recovering=recover
  load "$(cat "$state/visit/plan")"
  base=$2 state=$2/.certfleet
  say begin recover - - 0
  if logged confirmed; then
    keep
  else
    undo 'the visit was cut off; the next one undid it'
  fi
  recovering=
  logged 'end '
  step recover - - ok 0 "${entry#end }"
  load "$1"
}

# --- Errands: what issuing needs of a host, beside any visit -------------------------------------------------

is_name() { case $1 in '' | .* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }

need_openssl() {
  command -v openssl >/dev/null 2>&1 && return 0
  why="the command 'openssl' is missing on the host, which makes its keys itself; install it"
  return 1
}

# token token WHAT WEBROOT NAME CONTENT: a proof of control for the host's web server; RFC 8555 8.3 says where.
token() {
  case $4 in '' | *[!A-Za-z0-9_-]*) why="'$4' is not a token" && return 1 ;; esac
  decode_path "$3" || return 1
  set -- "$2" "$path" "$path/.well-known/acme-challenge" "$4" "${5:-}"
  if [ "$1" = remove ]; then
    why=$(rm -f "$3/$4" "$3/.$4" 2>&1 | one_line)
    [ ! -e "$3/$4" ]
    return
  fi
  why="the webroot $2 is not a folder on this host"
  [ -d "$2" ] || return 1
  [ -d "$3" ] || why=$(umask 022 && mkdir -p "$3" 2>&1 | one_line)
  [ -d "$3" ] || return 1
  why="$3/$4 cannot be written by $(id -un); set become: true, or check the webroot"
  { echo "$5" | base64 -d >"$3/.$4"; } 2>/dev/null && chmod 644 "$3/.$4" && mv -f "$3/.$4" "$3/$4" 2>/dev/null &&
    [ "$(base64 <"$3/$4" | tr -d '\n')" = "$5" ]
}

# make_key key LINEAGE ID TYPE REUSE NAMES: a key for a new certificate, and the request for it on stdout's frame.
make_key() {
  why="'$2 $3' cannot name a key"
  is_name "$2" && is_name "$3" || return 1
  need_openssl || return 1
  decode "$6" || return 1
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
      why=$(echo "$why" | one_line)
      return 1
    fi
    mv "$2.new" "$2.pem"
  fi
  { echo "[req]
distinguished_name=subject
req_extensions=extensions
[subject]
[extensions]
subjectAltName=$5" >"$2.cnf"; } 2>/dev/null
  if ! openssl req -new -sha256 -config "$2.cnf" -key "$2.pem" -subj / -out "$2.csr" 2>"$2.err"; then
    why=$(one_line <"$2.err")
    return 1
  fi
  sync_to "$state/keys/$1"
  echo "@certfleet $nonce $(($(wc -c <"$2.csr"))) output stdout $(($(wc -c <"$2.csr")))"
  cat "$2.csr"
  echo
  rm -f "$2.cnf" "$2.csr" "$2.err"
  # Those of certificates that never came, or that never got here.
  # shellcheck disable=SC2012 # the names are ours
  ls -t "$state/keys/$1" | tail -n +4 | while IFS= read -r old; do rm -f "$state/keys/$1/$old"; done
}

# errand: everything that its records ask for, or why not.
errand() {
  say hello "$version" "$(date +%s)"
  why=''
  case $plan in
    *"${newline}key "*) prepare || { say end failed_clean "$why"; return; } ;;
  esac
  if each token token && each key make_key; then say end ok; else say end failed_clean "$why"; fi
}

# --- A visit -------------------------------------------------------------------------------------------------

# visit: from the request to the end frame.
visit() {
  say hello "$version" "$(date +%s)"
  say begin preflight - - 0
  if ! prepare; then
    step preflight - - error 1 "$why"
    say end failed_clean "$why"
    return
  fi
  if ! lock 2; then
    step preflight - - error 1 'another visit holds the lock of this host'
    say end deferred 'another visit is under way on the host'
    return
  fi
  recover
  answered "$token" && return
  seen=0
  [ -f "$state/epoch" ] && seen=$(cat "$state/epoch")
  if [ "$epoch" -lt "$seen" ]; then
    why="this controller's epoch $epoch is older than $seen, which the host has seen; is it a copy of another?"
    step preflight - - error 1 "$why"
    say end failed_clean "$why"
    return
  fi
  echo "$epoch" >"$state/epoch.new" && mv "$state/epoch.new" "$state/epoch"
  rm -rf "$state/visit" "$state/staging"
  if ! { mkdir "$state/visit" && keep_plan && journal "visit $token"; } 2>/dev/null; then
    why="$state cannot be written; is the disk full?"
    step preflight - - error 1 "$why"
    say end failed_clean "$why"
    return
  fi
  step preflight - - ok 0
  each cert stage || { undo "$why"; return; }
  journal pre || { undo "$why"; return; }
  each hook run_pre || { undo "$why"; return; }
  each cert activate || { undo "$why"; return; }
  each hook run_deploy || { undo "$why"; return; }
  ask_controller || { undo "$why"; return; }
  journal confirmed || { undo "$why"; return; }
  keep
}

# keep: what is left once the new pair is to stay.
keep() {
  post_failed=
  each hook run_post
  each cert tidy
  each hostkey forget_key
  if [ -n "$post_failed" ]; then finish degraded 'a post hook failed'; else finish ok; fi
}

# keep_plan: the request without the files, so that the next visit could finish or undo this one.
keep_plan() {
  IFS=$newline
  for record in $plan; do
    case $record in file\ *) ;; *) echo "$record" ;; esac
  done >"$state/visit/plan"
  IFS=' '
  [ -s "$state/visit/plan" ]
}

# answered TOKEN: a visit that this host has ended already is told again and not done again.
answered() {
  logged "visit $1" && [ "$entry" = "visit $1" ] && logged 'end ' || return 1
  say "$entry"
}

# ask_controller: the controller looks at what the host serves and says whether it stays. Without a word in time,
# or when the connection is gone, the host goes back by itself.
ask_controller() {
  [ "$confirm" -gt 0 ] || return 0
  rm -f "$state/visit/word"
  say await "$confirm"
  alone hear <&3 &
  reader=$!
  watch "$confirm" kill -s KILL "$reader"
  wait_for "$reader" 2>/dev/null
  rm -f "$marker"
  word=
  [ -f "$state/visit/word" ] && word=$(cat "$state/visit/word")
  case $word in
    "$nonce commit") return 0 ;;
    "$nonce revert "*) why=${word#"$nonce revert "} ;;
    *) why='no word from the controller' ;;
  esac
  return 1
}

# hear: the controller's word, into a file.
hear() { IFS= read -r word && echo "$word" >"$state/visit/word"; }

# query TOKEN SECONDS: how a visit ended that the controller lost sight of.
query() {
  say hello "$version" "$(date +%s)"
  if [ ! -d "$state" ]; then
    say end unknown_token
  elif ! lock "$1"; then
    say end deferred 'the visit is still under way on the host'
  else
    recover
    answered "$token" || say end unknown_token
  fi
}

# certfleet_main NONCE COMMAND end: the line that starts everything. Its last word shows that the line is whole.
certfleet_main() {
  [ "${3:-}" = end ] || exit 1
  nonce=$1
  set -f
  # Caught and not ignored: what is ignored here would be ignored by every program that a hook starts.
  trap : HUP PIPE
  exec 3<&0
  # shellcheck disable=SC2154 # the controller puts it between this script and the line that starts it
  load "$certfleet_request"
  unset certfleet_request
  case $2 in
    query) query "$confirm" ;;
    errand) errand ;;
    *) visit ;;
  esac
  exit 0
}
