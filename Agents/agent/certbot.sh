# --- certbot's own certificates: taken over, and given back -----------------------------------------------------

# In certbot's layout live/NAME is a folder of links, in ours a link to a folder. Each takes the other's place in one step, so that whoever
# reads there finds one of them. What was certbot's waits in $state/certbot/NAME: `live`, its folder, and `renewal.conf`, by which it renews.

kinds='cert chain fullchain privkey'
exchanger=

# exchange PATH PATH: what is there changes places in one step (renameat2(2), RENAME_EXCHANGE), for which POSIX has no command.
exchange() {
  case $exchanger in
    mv) mv -T --exchange "$1" "$2" ;;
    exch) exch "$1" "$2" ;;
    python3)
      python3 -ISc 'import ctypes, os, sys
a, b = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2) != 0)' "$1" "$2"
      ;;
    perl)
      # shellcheck disable=SC2016 # perl expands them
      perl -e '%number = qw(x86_64 316 aarch64 276 riscv64 276 armv7l 382 ppc64le 357 s390x 347);
chomp($machine = `uname -m`);
exit(!$number{$machine} || syscall($number{$machine}, -100, $ARGV[0], -100, $ARGV[1], 2) != 0)' "$1" "$2"
      ;;
  esac >/dev/null 2>&1
}

# find_exchanger: sets $exchanger to the first command that does it here; each is tried.
find_exchanger() {
  [ -z "$exchanger" ] || return 0
  set -- "$state/try-$$"
  for exchanger in mv exch python3 perl; do
    command -v "$exchanger" >/dev/null 2>&1 && mkdir -m 700 "$1" "$1/folder" 2>/dev/null && ln -s . "$1/link" || continue
    exchange "$1/folder" "$1/link"
    if [ -L "$1/folder" ] && [ ! -L "$1/link" ]; then set -- "$1" yes; fi
    rm -rf "$1"
    [ "$#" -eq 1 ] || return 0
  done
  exchanger='' why="nothing on this host exchanges a folder for a link in one step; install python3"
  return 1
}

# certbot_rests: whether no certbot is at work here. While it is it has this file locked (fcntl(2)), and the kernel tells what is (proc(5)).
certbot_rests() {
  why="certbot is at work on this host and has $base/.certbot.lock; try again when it has ended"
  [ -e "$base/.certbot.lock" ] || return 0
  [ -r /proc/locks ] || return 1
  # shellcheck disable=SC2046 # its fields
  set -- $(exec ls -i "$base/.certbot.lock")
  while IFS= read -r line; do
    case $line in *:"${1:-} "*) return 1 ;; esac
  done </proc/locks
}

# can_exchange certbot LINEAGE take|back: before anything is begun.
can_exchange() {
  case $3 in
    take) ! is_folder_of_another "$2" || { is_whole "$2" && find_exchanger && certbot_rests; } || complain "$why" ;;
    back) has_been_taken "$2" && find_exchanger && certbot_rests || complain "$why" ;;
  esac
}

# is_whole LINEAGE: whether certbot's folder is as certbot makes it, so that nothing in it is lost that somebody needs.
is_whole() {
  why="$base/live/$1 is a folder, and there is no $base/renewal/$1.conf by which certbot renews it; move it away or set another base"
  [ -f "$base/renewal/$1.conf" ] || return 1
  version=''
  for kind in $kinds; do
    target=$(readlink "$base/live/$1/$kind.pem" 2>/dev/null)
    number=${target##*/"$kind"}
    number=${number%.pem}
    why="$base/live/$1/$kind.pem does not lead to ../../archive/$1 as certbot has it${target:+ (it leads to $target)}; see: certbot certificates --cert-name $1"
    case $target in "../../archive/$1/$kind$number.pem" | "$base/archive/$1/$kind$number.pem") ;; *) return 1 ;; esac
    is_number "$number" && [ "${version:=$number}" = "$number" ] && [ -f "$base/live/$1/$kind.pem" ] || return 1
  done
  others=''
  set +f
  for file in "$base/live/$1"/* "$base/live/$1"/.[!.]*; do
    case ${file##*/} in
      README | cert.pem | chain.pem | fullchain.pem | privkey.pem) ;;
      *) [ ! -e "$file" ] && [ ! -L "$file" ] || others="$others ${file##*/}" ;;
    esac
  done
  set -f
  why="certbot did not put these in $base/live/$1:$others; declare what is used of them as files elsewhere, and move them away"
  [ -z "$others" ]
}

# take_over LINEAGE: certbot's folder makes room for our link. What it has becomes generation 0, by links as certbot has them, so that
# a certbot that is at work meanwhile finds what it needs.
take_over() {
  set -- "$1" "$state/certbot/$1" "$base/archive/$1/0"
  why="$2 has what was taken over from certbot before; move it away"
  [ ! -d "$2/live" ] || [ -L "$2/live" ] || return 1
  is_whole "$1" && find_exchanger && certbot_rests && journal "taking $1 " || return 1
  why=$(make_first_generation "$@" 2>&1 | one_line)
  [ -z "$why" ] || return 1
  sync_to "$state"
  exchange "$2/live" "$base/live/$1"
  why="$base/live/$1 cannot be exchanged for a link; is it a mount, or on a file system without that?"
  [ -L "$base/live/$1" ] || return 1
  why="$base/renewal/$1.conf cannot be moved away"
  mv -f "$base/renewal/$1.conf" "$2/renewal.conf" 2>/dev/null && certbot_rests || return 1
  # Whose the key was is so still.
  eval "active_$slot=0 keys_$slot=\$newline\$(exec ls -ldnL \"\$3/privkey.pem\" 2>/dev/null)\$newline"
}

make_first_generation() {
  rm -rf "$2" "$3" && mkdir -p "$2" "$3" && chmod 755 "$3" && ln -s "../archive/$1/0" "$2/live" || return 1
  for kind in $kinds; do ln -s "$base/archive/$1/$kind$version.pem" "$3/$kind.pem" || return 1; done
}

# undo_certbot certbot LINEAGE take|back: when what was active before is so again.
undo_certbot() {
  case $3 in
    take) ! logged "taking $2 " || undo_taking "$2" || dirty=yes ;;
    back) ! logged "giving $2 " || undo_giving "$2" "${entry##* }" || dirty=yes ;;
  esac
}
undo_taking() {
  set -- "$1" "$state/certbot/$1" "$base/archive/$1/0"
  if [ -L "$base/live/$1" ] && [ -d "$2/live" ]; then
    find_exchanger && exchange "$2/live" "$base/live/$1"
    [ ! -L "$base/live/$1" ] || return 1
  fi
  # A certbot that was at work may have written another.
  [ -e "$base/renewal/$1.conf" ] || [ ! -e "$2/renewal.conf" ] || mv "$2/renewal.conf" "$base/renewal/$1.conf" 2>/dev/null || return 1
  throw_away "$2" "$3"
}

# has_been_taken LINEAGE
has_been_taken() {
  why="certbot's own folder of $1 is not in $state/certbot/$1: it was not taken over here; take it away without --give-back"
  [ -d "$state/certbot/$1/live" ] && [ ! -L "$state/certbot/$1/live" ] && [ -f "$state/certbot/$1/renewal.conf" ] || return 1
  why="certbot has a $base/renewal/$1.conf again; move it away"
  [ ! -e "$base/renewal/$1.conf" ] || return 1
  why="there is nothing to give back in $base/live/$1"
  [ -L "$base/live/$1" ] && [ -e "$base/live/$1/privkey.pem" ]
}

# prepare_giving LINEAGE: what is active becomes certbot's next version, and a folder beside what was certbot's leads to it.
prepare_giving() {
  has_been_taken "$1" && find_exchanger && certbot_rests || return 1
  active_of "$1"
  set -- "$1" "$state/certbot/$1" "$base/archive/$1"
  highest_version "$3"
  journal "giving $1 $version" || return 1
  why="certbot's next version of $1 cannot be written; is the disk full?"
  rm -rf "$2/back" && cp -pPR "$2/live" "$2/back" 2>/dev/null || return 1
  for kind in $kinds; do
    cp -p "$3/$old/$kind.pem" "$3/$kind$version.pem" 2>/dev/null && same "$3/$old/$kind.pem" "$3/$kind$version.pem" &&
      ln -sfn "../../archive/$1/$kind$version.pem" "$2/back/$kind.pem" || return 1
  done
}

# highest_version FOLDER: sets $version to the one after all that are there.
highest_version() {
  version=1
  set +f
  for file in "$1"/*.pem; do
    number=${file##*/}
    number=${number%.pem}
    for kind in $kinds; do number=${number#"$kind"}; done
    is_number "$number" && [ "$number" -ge "$version" ] && version=$((number + 1))
  done
  set -f
}

# hand_over LINEAGE, hand_back LINEAGE: certbot's folder for our link, and our link for certbot's folder.
hand_over() {
  [ ! -L "$base/live/$1" ] || exchange "$state/certbot/$1/back" "$base/live/$1"
  [ ! -L "$base/live/$1" ] || {
    echo "$base/live/$1 cannot be exchanged for certbot's folder"
    return 1
  }
}
hand_back() {
  find_exchanger && exchange "$state/certbot/$1/back" "$base/live/$1"
  [ -L "$base/live/$1" ] || echo "$base/live/$1 cannot be exchanged for a link"
}
undo_giving() {
  [ -L "$base/live/$1" ] || return 1
  for kind in $kinds; do throw_away "$base/archive/$1/$kind$2.pem"; done
  throw_away "$state/certbot/$1/back"
}

# forget_given LINEAGE: certbot renews it from now on, and nothing of ours is left of it.
forget_given() {
  [ ! -f "$state/certbot/$1/renewal.conf" ] || mv "$state/certbot/$1/renewal.conf" "$base/renewal/$1.conf" 2>/dev/null || {
    limping="certbot does not renew $1: $state/certbot/$1/renewal.conf cannot be moved to $base/renewal/$1.conf"
    return 0
  }
  throw_away "$state/certbot/$1" "$state/keys/$1"
  set +f
  for folder in "$base/archive/$1"/*; do
    case ${folder##*/} in *[!0-9]*) ;; *) throw_away "$folder" ;; esac
  done
  set -f
}
