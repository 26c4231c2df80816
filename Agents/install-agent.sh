#!/bin/sh
# Puts certfleet's agent on a host for a key that may do nothing else, and takes it away again. It arrives on stdin of `exec /bin/sh -s` with the
# three texts before its last line, which starts it; PROTOCOL.md describes its frames. What it changes is kept beside
# until the controller has logged in with that key and says that it works.
set -u
LC_ALL=C
export LC_ALL
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
newline='
'
kept='' certfleet_agent='' certfleet_configuration=''

say() { printf '@certfleet %s 0 %s\n' "$nonce" "$*"; }

# fail TEXT: back to what was before.
fail() {
  undo
  say end failed_clean "$1"
  exit 0
}

# note_start PID: when it was started, as proc(5) counts (starttime); nothing where that cannot be read.
note_start() {
  started=''
  { IFS= read -r started <"/proc/$1/stat"; } 2>/dev/null || return 0
  # shellcheck disable=SC2086 # its fields
  set -- ${started##*)}
  started=${20:-}
}

# as USER COMMAND...
as() {
  if [ "$(id -un)" = "$1" ]; then
    shift
    "$@"
  else
    whom=$1
    shift
    # shellcheck disable=SC2016 # the other shell expands it
    su -s /bin/sh -c 'exec "$@"' -- "$whom" sh "$@"
  fi
}

# replace USER PATH MODE UMASK: by what is on stdin.
replace() {
  # shellcheck disable=SC2016 # another shell expands it
  why=$(as "$1" /bin/sh -c 'umask "$3" && mkdir -p "${1%/*}" && rm -f "$1.before" && { [ ! -e "$1" ] || cp -p "$1" "$1.before"; } &&
    cat >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"' sh "$2" "$3" "$4" 2>&1) ||
    fail "$2 cannot be written: $(printf %s "$why" | tr '\n\r' '  ')"
  kept="$kept$1 $2$newline"
}

# check_places FOLDER...: what root is to run lies where nobody else can put, turn or replace anything; the agent's own rule.
check_places() {
  set -f
  why=$(
    eval "$agent"
    survey "$@"
    for place in "$@"; do
      ! flaw_of "$place" || {
        explain ''
        put "$why"
        exit
      }
    done
  )
  set +f
  [ -z "$why" ] || fail "$why"
}

# is_word TEXT: what goes into sudoers and authorized_keys.
is_word() {
  case $1 in '' | -* | *[!A-Za-z0-9_.@/+=-]*) return 1 ;; esac
}

# each_kept SCRIPT: runs it for every file that was replaced, with its path.
each_kept() {
  while read -r user path; do
    [ -z "$user" ] || as "$user" /bin/sh -c "$1" sh "$path" </dev/null >/dev/null 2>&1
  done <<END
$kept
END
}

# shellcheck disable=SC2016 # another shell expands them
undo() { each_kept 'if [ -e "$1.before" ]; then mv -f "$1.before" "$1"; else rm -f "$1"; fi'; }
# shellcheck disable=SC2016
settle() { each_kept 'rm -f "$1.before"'; }

# other_keys FILE TEXT: its lines but those of the key that have the text in them; sets $from to where the key may come from.
other_keys() {
  from='' before=$(as "$login" cat "$1" 2>/dev/null)
  while IFS= read -r line; do
    case $line in
      '#'*) printf '%s\n' "$line" ;;
      *"$2"*"$key_blob"*) case $line in *from=\"*) from=${line#*from=\"} from="from=\"${from%%\"*}\"," ;; esac ;;
      *) [ -z "$before" ] || printf '%s\n' "$line" ;;
    esac
  done <<END
$before
END
}

# keys FILE: what is to be in it: the key's line as it shall be, in the place of any that it has now. Where it may come from
# stays as it is.
keys() {
  other_keys "$1" ''
  printf '%srestrict,command="%s" %s %s certfleet\n' "$from" "$command" "$key_type" "$key_blob"
}

# find_places: where the agent of $login is, and who owns it.
find_places() {
  for word in "$login" "$key_type" "$key_blob"; do
    is_word "$word" || fail "'$word' cannot stand in sudoers and authorized_keys"
  done
  id "$login" >/dev/null 2>&1 || fail "there is no user '$login' on the host; make it: useradd --create-home $login"
  [ "$(id -u)" -eq 0 ] || [ "$(id -un)" = "$login" ] ||
    fail "only root can install the agent for another user; log in as root, as $login, or as one who may use sudo"
  home=$(as "$login" /bin/sh -c 'cd && pwd') || fail "$login has no home on the host"
  case $home in *[!A-Za-z0-9/._-]*) fail "the home of $login, $home, cannot stand in authorized_keys" ;; esac
  if [ "$become" = yes ]; then
    owner=root program=/usr/local/lib/certfleet/agent configuration=/etc/certfleet/agent.conf command="sudo -n $program"
    sudoers=/etc/sudoers.d/certfleet-$(printf %s "$login" | tr . _)
  else
    owner=$login program=$home/.local/lib/certfleet/agent configuration=$home/.config/certfleet/agent.conf
    command=$program sudoers=''
  fi
  authorized=$home/.ssh/authorized_keys
}

# certfleet_install NONCE LOGIN BECOME KEY_TYPE KEY_BLOB SECONDS end
certfleet_install() {
  [ "${7:-}" = end ] || exit 1
  nonce=$1 login=$2 become=$3 key_type=$4 key_blob=$5
  trap : HUP PIPE
  find_places
  agent=$(printf '%s\n' "$certfleet_agent" | base64 -d)
  [ "$become" = no ] || check_places "${program%/*}" "${configuration%/*}" /etc/sudoers.d
  replace "$owner" "$program" 755 022 <<END
$agent
certfleet_installed $configuration
END
  as "$owner" /bin/sh -n "$program" || fail "$program was not written whole"
  rules=$(printf '%s\n' "$certfleet_configuration" | base64 -d)
  replace "$owner" "$configuration" 600 022 <<END
$rules
END
  if [ "$become" = yes ]; then
    command -v visudo >/dev/null 2>&1 || fail "sudo is not installed on the host, and become is true"
    replace root "$sudoers" 440 022 <<END
# What the key of certfleet may do: start its agent, without arguments.
$login ALL=(root) NOPASSWD: $program ""
END
    why=$(visudo -cqf "$sudoers" 2>&1) || fail "$sudoers is not accepted by visudo: $(printf %s "$why" | tr '\n' ' ')"
  fi
  lines=$(keys "$authorized")
  replace "$login" "$authorized" 600 077 <<END
$lines
END
  say await "$6"
  # Nobody may be there any more to close the connection: then it is undone without a word. Where this shell is gone, too, its number may be
  # another program's.
  note_start "$$"
  (
    own=$started
    sleep "$6" >/dev/null 2>&1
    undo
    say end failed_clean 'no word from the controller'
    note_start "$$"
    [ "$started" != "$own" ] || kill -s KILL "$$"
  ) &
  watch=$!
  read -r word || word=gone
  kill -s KILL "$watch" 2>/dev/null
  [ "$word" = "$nonce commit" ] || fail "${word#"$nonce revert "}"
  settle
  say end ok
}

# certfleet_uninstall NONCE LOGIN BECOME KEY_TYPE KEY_BLOB SECONDS end: what the key could do goes first, what it did that by after it, so
# that nobody is locked out whose key this is not, and what is left when it is cut off does nothing.
certfleet_uninstall() {
  [ "${7:-}" = end ] || exit 1
  nonce=$1 login=$2 become=$3 key_type=$4 key_blob=$5
  trap : HUP PIPE
  find_places
  say await "$6"
  read -r word || word=gone
  [ "$word" = "$nonce commit" ] || fail "${word#"$nonce revert "}"
  if as "$login" test -f "$authorized"; then
    lines=$(other_keys "$authorized" "command=\"$command\"")
    replace "$login" "$authorized" 600 077 <<END
$lines
END
  fi
  for path in $sudoers "$configuration" "$program"; do
    why=$(as "$owner" rm -f "$path" 2>&1) || fail "$path cannot be removed: $(printf %s "$why" | tr '\n\r' '  ')"
  done
  settle
  # Of certfleet's own folders those that are empty.
  as "$owner" rmdir "${program%/*}" "${configuration%/*}" 2>/dev/null
  say end ok
}
