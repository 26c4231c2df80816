# --- Hooks ----------------------------------------------------------------------------------------------------

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
    CERTFLEET_HOST="$host" CERTFLEET_ROLLOUT="$rollout" CERTFLEET_WAVE="$wave" CERTFLEET_ACTION="$action" \
    ${retires:+"CERTFLEET_RETIRED=$all_lineages"} "$@"
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
      IFS=,
      for entry in $lineages; do
        IFS=' '
        ! slot_of "$entry" || own cert for_lineage
      done
      IFS=' '
      ;;
    post)
      failed=$failed_domains renewed=''
      [ -n "$failed" ] || renewed=$all_domains
      ;;
  esac
}
for_lineage() {
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

# in_directories MOMENT LINEAGE: certbot's directory hooks. They are remembered, as the same hook may be configured too. After one
# that failed the others run all the same where the moment is post.
in_directories() {
  ran=
  wanted=$1 whose=$2
  through "$directories" directory in_directory
}

# run_moment MOMENT LINEAGES: the directories' hooks, then the request's own.
run_moment() {
  in_directories "$1" "$2" || return 1
  case $1 in
    deploy) slot_of "$2" && own hook run_deploy ;;
    *) each hook "run_$1" ;;
  esac
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
