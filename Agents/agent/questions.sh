# --- What is asked beside a visit ------------------------------------------------------------------------------

# query TOKEN SECONDS: how a visit ended that the controller lost sight of.
query() {
  say hello "$version" "$(date +%s)"
  if ! is_permitted; then
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
  is_permitted || { say end failed_clean "$why"; return; }
  prepare || { refuse; return; }
  base_is_its || { refuse; return; }
  preflight
  each cert place_is_free
  [ -z "$complaint" ] || { say end failed_clean "$complaint"; return; }
  step preflight - - ok 0
  say end ok
}

# place_is_free cert LINEAGE ...: a visit sees to it when it comes to it, and makes room where it may.
place_is_free() {
  slot_of "$2"
  may_mend "$2" || { is_folder_of_another "$2" && asks "certbot $2 take"; } || is_ours "$2" || complain "$why"
}

# claim: this base is the asking controller's from now on, whosever it was; a person has said so. What was begun there comes to its end first.
claim() {
  hold hello "$version" 0
  is_permitted || { say end failed_clean "$why"; return; }
  prepare || { say end failed_clean "$why"; return; }
  if ! lock 2 || ! lock_hooks; then
    say end failed_clean 'a visit is under way on the host; try again when it has ended'
    return
  fi
  recover
  tell_controller
  seen_epoch
  why='nobody asks for it'
  [ -n "$controller_id" ] && epoch_is_possible "$seen" && remember_controller || { say end failed_clean "$why"; return; }
  sync_to "$state"
  say end ok
}
