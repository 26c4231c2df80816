# --- What an installed agent allows, by its configuration ------------------------------------------------------

# permitted: whether an installed agent may be asked all this. It tells nobody what is on the host before it knows that, and changes nothing.
permitted() {
  complaint=''
  if [ "$asked" = discover ]; then
    say end failed_clean 'an installed agent does not tell what else is on the host'
    exit 0
  fi
  each base permit_base || object
  each cert permit_lineage && each hostkey permit_lineage || object
  each hook permit_hook || object
  each directory permit_directory || object
  each install permit_file || object
  each layout permit_layout || object
  each certbot permit_certbot || object
  each need permit_need || object
  each token permit_token && each key permit_key || object
  why=$complaint
  [ -z "$complaint" ] || return 1
  # What may be done may take its time.
  # shellcheck disable=SC3045
  ulimit -S -t unlimited 2>/dev/null
  return 0
}

# object: $why is told with all else that is not allowed, where steps are told.
object() {
  case $asked in visit | check) complain "$why" ;; *) complaint=${complaint:-$why} ;; esac
}

# permits LINE: whether the configuration has it.
permits() {
  case $1 in *"$newline"*) ;; *) case "$allowed$newline" in *"$newline$1$newline"*) return 0 ;; esac ;; esac
  why="$configuration does not allow '$1'"
  return 1
}

permit_lineage() { permits "certificate $2"; }
permit_layout() { permits "layout $2 $3 $4 $5"; }
permit_certbot() { permits "certbot $2"; }
permit_need() { decode "$2" && permits "need $decoded"; }
permit_key() { permit_lineage "$@" && permits "key $4"; }
permit_file() { decode "$8" && permits "file $2 $decoded $3 $4 $5:$6 $7"; }
permit_directory() { decode "$3" && permits "hooks-directory $2 $decoded"; }
permit_token() { decode "$3" && permits "webroot $decoded"; }
permit_base() { decode "$2" && permits "base $decoded"; }

# permit_hook hook MOMENT LINEAGES INDEX SECONDS USER FAILURE COMMAND [NAME VALUE]...: its line in the configuration is
# `hook MOMENT SECONDS USER FAILURE COMMAND [NAME VALUE]...` as it is sent, with the longest time that it may take.
permit_hook() {
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
