# --- The start ------------------------------------------------------------------------------------------------

# is_permitted: an agent that comes with the request has no configuration, and may do all: its key has a shell already.
is_permitted() { [ -z "$allowed" ] || permitted; }

# start NONCE VERSION COMMAND
start() {
  nonce=$1 asked=$3
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
    task) task ;;
    check) check ;;
    look) look_at_host ;;
    claim) claim ;;
    discover) is_permitted && discover_host ;;
    visit) visit ;;
  esac
  exit 0
}

# certfleet_main NONCE VERSION COMMAND end: the line that starts everything. Its last word shows that the line is whole.
certfleet_main() {
  [ "${4:-}" = end ] || exit 1
  start "$1" "$2" "$3"
}
