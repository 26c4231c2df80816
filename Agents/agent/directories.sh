# --- Folders of hooks, as certbot has them -----------------------------------------------------------------------

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

# in_directory directory SECONDS FOLDER: runs those of the moment that is $wanted, for the lineage that is $whose.
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

add_programs() {
  decode_path "$3" || return 0
  for folder in pre deploy post; do
    list_programs "$path/$folder"
    gather "$path/$folder$newline$programs$others"
  done
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
