# --- Folders that others may write: whoever they belong to acts there --------------------------------------------

# Somebody's own folder is theirs to change at any moment. What is done there is done as them, within the folder and by names without
# a slash, so that nothing is reached which they could not reach anyway. They are waited for with a bound, nothing that they could
# have written is read, and what they are to have comes to them on a descriptor that was opened here.

# keeper_of FOLDER [any]: sets $keeper to who acts there: nobody where the folder is only ours, else `self` or the number of a
# user; and $within to its path without links. Fails with $why where somebody else could put another folder in its place, unless `any`
# of those that are only ours will do.
keeper_of() {
  keeper='' within=$1
  flaw_of "$1" || return 0
  if [ "$cause" = lost ] || leads "$flaw"; then
    explain ''
    return 1
  fi
  within=$(cd -P "$1" 2>/dev/null && put "$PWD")
  # Theirs are folders and no links from here on.
  [ -n "$within" ] && [ "$within" = "$(cd -P "$flaw" 2>/dev/null && put "$PWD")$beyond" ] || {
    why="$flaw is not only ours, and there is a link on the way from there to $1; name the folder that it leads to"
    return 1
  }
  survey "$within"
  owner_of "$within" || {
    why="$within cannot be looked at"
    return 1
  }
  keeper=$owner keeper_group=$group
  [ "$self" -eq 0 ] && [ "$owner" != 0 ] || keeper=self
  if [ "${2:-}" = any ] && [ "$keeper" = self ] && ! has_flaw "$within"; then return 0; fi
  flaw=$within
  while [ "$flaw" != / ]; do
    flaw=${flaw%/*}
    flaw=${flaw:-/}
    cannot_exchange || {
      explain "for what is in it could be exchanged at any moment"
      return 1
    }
  done
}

# cannot_exchange: whether nobody but $keeper and root could exchange what is in the folder $flaw.
cannot_exchange() {
  has_flaw "$flaw" || return 0
  [ "$cause" = owner ] && owner_of "$flaw" && [ "$owner" = "$keeper" ] || return 1
  case $line in
    ????????w*) cause=others && return 1 ;;
    ?????w*) [ "$group" = "$owner" ] || { cause=group && return 1; } ;;
  esac
}

# has_flaw PATH: whether that folder or link itself has one; sets $cause.
has_flaw() {
  cause=${flaws#*"$newline$1$tab"}
  [ "$cause" != "$flaws" ] || return 1
  cause=${cause%%"$newline"*}
}

# within STEP ARGUMENT...: $keeper does a step of $inside in $within, with what is at descriptor 5 on stdin. Fails with $why.
within() {
  why="$work cannot be written; is the disk full, out of inodes or read-only?"
  begin_hooks && { true >"$work/group"; } 2>/dev/null || return 1
  switch='' whose=own user=$(id -un)
  if [ "$keeper" != self ]; then
    as_keeper || return 1
  elif [ "$self" -ne 0 ]; then
    whose=any
  fi
  acts=$((acts + 1)) ticks=0 draining=yes awaited=act-$acts
  act "$@" &
  supervise 20
  case $status in
    0 | 20) return 0 ;;
    11) why="$within was exchanged while it was used, or cannot be entered by $user" ;;
    12) why="$within/.certfleet-$token was exchanged while it was used" ;;
    13) why="nothing can be made in $within by $user; is the disk full?" ;;
    14) why="$within cannot be written by $user; is the disk full?" ;;
    15) why="$user cannot give a file in $within that owner or group" ;;
    16) why="a file in $within cannot be replaced by $user" ;;
    17) why=other ;;
    *) why="$user did not get done in $within (${status:-not in 20 s})" ;;
  esac
  return 1
}

# as_keeper: sets $switch and $user.
as_keeper() {
  # shellcheck disable=SC2046 # its fields
  set -- $(exec ls -ld "$within" 2>/dev/null)
  user=${3:-}
  if [ -n "$user" ] && is_account "$user" && [ "$(id -u "$user" 2>/dev/null)" = "$keeper" ] && as_user; then return 0; fi
  # One whom the host knows by the number alone.
  user=$keeper
  switch="setpriv --reuid=$keeper --regid=$keeper_group --clear-groups --"
  case $(setpriv --version 2>/dev/null) in *util-linux*) return 0 ;; esac
  why="nothing can be done as the user $keeper, whose folder $within is; give it an owner whom the host knows"
  return 1
}

act() {
  exec 3<&- 4<&- 6<&- 9>&- >/dev/null 2>&1
  (
    exec <&5 5<&- 7<&- 8>&-
    cd -P "$within" || true
    # shellcheck disable=SC2016,SC2086 # the inner shell expands it; words of ours
    exec env -i PATH="$PATH" setsid /bin/sh -c 'echo "$$" >"$1" && shift && exec "$@"' certfleet "$work/group" \
      $switch /bin/sh -c "$inside" certfleet "$within" "$whose" ".certfleet-$token" "$@"
  )
  set -- "$?"
  put "ended $awaited $1 bare$newline" >&7
}

# inside FOLDER own|any STAGING STEP ...: what is done in a folder. Everything there may change at any moment, so nothing is followed, a folder
# is known by its own path once it was entered, and the staging folder must be one that nobody else can enter.
# shellcheck disable=SC2016 # another shell expands it
inside='set -u
umask 077
folder=$1 whose=$2 staging=$3 step=$4
shift 4
cd -P . 2>/dev/null
[ "$PWD" = "$folder" ] || cd -P "$folder" 2>/dev/null || exit 11
[ "$PWD" = "$folder" ] || exit 11
[ "$whose" = any ] || [ -O . ] || exit 11
enter() {
  cd -P "./$staging" 2>/dev/null || return 1
  [ "$PWD" = "${folder%/}/$staging" ] && [ -O . ] || exit 12
  case $(ls -ldn .) in drwx--[-S]---*) ;; *) exit 12 ;; esac
}
there() { [ -e "$1" ] || [ -L "$1" ]; }
give_up_old() { for file in old/* old/.[!.]*; do name=${file#*/}; ! there "new/$name" || ! there "../$name" || rm -f "./old/$name"; done; }
keep_old() {
  for file in new/* new/.[!.]*; do
    name=${file#*/}
    there "$file" && ! there "old/$name" && there "../$name" || continue
    mv -f "./../$name" "./old/$name" || return 1
  done
}
make_staging() {
  [ -d "./$staging" ] || mkdir -m 700 "./$staging" || exit 13
  enter || exit 12
  [ -d new ] && [ -d old ] || mkdir -m 700 new old || exit 13
}
case $step in
  hold)
    cmp -s - "./$1" || exit 17
    make_staging
    ;;
  aside)
    enter || exit 12
    ! there "../$1" || mv -f "./../$1" "./old/$1" || exit 16
    ;;
  stage)
    make_staging
    rm -f "./new/$1" "./old/$1"
    cat >"./new/$1" || exit 14
    [ "$3" = - ] || chown "$3" "./new/$1" || exit 15
    [ "$4" = - ] || chgrp "$4" "./new/$1" || exit 15
    chmod "$2" "./new/$1" || exit 14
    sync -f "./new/$1" || true
    ! there "../$1" || ln "./../$1" "./old/$1" || cp -pP "./../$1" "./old/$1" || rm -f "./old/$1"
    ;;
  install)
    enter || exit 12
    keep_old || exit 16
    set --
    for file in new/* new/.[!.]*; do ! there "$file" || set -- "$@" "./$file"; done
    [ "$#" -eq 0 ] || mv -f "$@" .. || exit 16
    ;;
  back)
    enter || exit 20
    for name; do
      there "new/$name" || rm -f "./../$name" || exit 16
    done
    give_up_old
    set --
    for file in old/* old/.[!.]*; do ! there "$file" || set -- "$@" "./$file"; done
    [ "$#" -eq 0 ] || mv -f "$@" .. || exit 16
    ;;
  clear)
    enter || exit 20
    for file in new/* new/.[!.]* old/* old/.[!.]*; do ! there "$file" || rm -f "./$file"; done
    rmdir new old
    cd .. && rmdir "./$staging"
    ;;
  token | remove)
    token=$1
    shift
    for name; do
      [ -d "./$name" ] || [ "$step" = remove ] || mkdir -m 755 "./$name" || exit 13
      cd -P "./$name" 2>/dev/null || exit 20
      folder=${folder%/}/$name
      [ "$PWD" = "$folder" ] || exit 11
    done
    if [ "$step" = remove ]; then
      rm -f "./$token" || exit 16
      exit 0
    fi
    mkdir -m 700 "./$staging" || exit 13
    enter || exit 12
    cat >"./$token" && chmod 644 "./$token" || exit 14
    mv -fT "./$token" "./../$token" || exit 16
    cd .. && rmdir "./$staging"
    ;;
esac'
