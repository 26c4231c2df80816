# --- A look: what is here of each certificate. It reads, and changes nothing ----------------------------------

# look_at_host: where the link of each certificate leads, the certificate itself, whether its key fits; of each further file whether it is what
# the generation has; and whose they are. One `head` reads all text, one `sha256sum` all else, one `ls` tells of owners and modes,
# however many certificates there are; OpenSSL is asked where the text of a key does not tell. It takes no lock, so that a visit may
# go on meanwhile.
look_at_host() {
  hold hello "$version" 0
  is_permitted || { say end failed_clean "$why"; return; }
  for tool in head ls; do
    command -v "$tool" >/dev/null 2>&1 || { say end failed_clean "the command '$tool' is missing on the host; install it"; return; }
  done
  # Nothing here takes long, but for a file that is made to.
  # shellcheck disable=SC3045
  ulimit -S -t 60 2>/dev/null
  tell_controller
  texts=0 sums=0 installs=0
  begin_list
  each cert find_link
  each install want_texts
  IFS=$newline
  # shellcheck disable=SC2086 # a path in each line
  set -- $gathered$gathering
  IFS=' '
  read_texts "$@"
  begin_list
  installs=0
  each install want_sums
  read_sums
  begin_list
  each cert want_listing
  each install want_listing_of_file
  listing=$newline
  IFS=$newline
  # shellcheck disable=SC2046,SC2086 # a path in each line
  [ -z "$gathered$gathering" ] || listing=$newline$(exec ls -ldL $gathered$gathering 2>/dev/null)$newline
  IFS=' '
  each cert tell_certificate
  installs=0
  each install tell_file
  say end ok
}
begin_list() { gathered='' gathering=''; }

# find_link cert LINEAGE GENERATION ...: keeps beside the certificate where its link leads: `-` is nothing, `other` nothing of ours.
find_link() {
  slot_of "$2"
  link=-
  if [ -e "$base/live/$2" ]; then
    link=other
    # shellcheck disable=SC3013 # every shell that we know has -ef
    if [ ! -L "$base/live/$2" ]; then :
    elif [ "$base/live/$2" -ef "$base/archive/$2/$3" ]; then link=$3
    else find_generation "$2"
    fi
  fi
  eval "link_$slot=\$link certificate_$slot='' key_$slot=''"
  [ "$link" != - ] || return 0
  want_text "$base/live/$2/cert.pem"
  eval "certificate_$slot=\$number"
  want_text "$base/live/$2/privkey.pem"
  eval "key_$slot=\$number"
}
find_generation() {
  set +f
  for folder in "$base/archive/$1"/*; do
    # shellcheck disable=SC3013
    case ${folder##*/} in *[!0-9]*) ;; *) [ ! "$base/live/$1" -ef "$folder" ] || link=${folder##*/} ;; esac
  done
  set -f
}

# want_text FILE: sets $number to the one that its text will have; to nothing where it is no file, or not to be read.
want_text() {
  number=''
  [ -f "$1" ] && [ -r "$1" ] || return 0
  texts=$((texts + 1)) number=$texts
  gather "$1$newline"
}

# want_texts install LINEAGE PARTS MODE OWNER GROUP ALLOWED PATH: of a file that is text, and of what it is made of. In a folder of somebody
# else's nothing is opened: it could be a pipe, or a link, by the time it is.
want_texts() {
  installs=$((installs + 1))
  eval "file_$installs='' parts_$installs='' sums_$installs=''"
  is_text "$3" && [ "$7" != shared ] || return 0
  decode_path "$8" || return 0
  want_text "$path"
  eval "file_$installs=\$number"
  set -- "$2" "$3" ''
  IFS=+
  for part in $2; do
    IFS=' '
    want_text "$base/live/$1/$part"
    set -- "$1" "$2" "$3 ${number:-none}"
  done
  IFS=' '
  eval "parts_$installs=\$3"
}
is_text() { case +$1 in *+*[!m] | *+*[!e]m | *+*[!p]em) return 1 ;; esac; }

# read_texts FILE...: the first lines of each into text_1, text_2 …; a header stands before each.
read_texts() {
  [ "$#" -gt 0 ] || return 0
  number=0 body=''
  IFS=$newline
  for line in $(exec head -n 2000 /dev/null "$@" 2>/dev/null); do
    case $line in
      '==> /dev/null <==') ;;
      "==> ${1:-} <==")
        eval "text_$number=\$body"
        number=$((number + 1)) body=''
        shift
        ;;
      *) body=$body$line$newline ;;
    esac
  done
  IFS=' '
  eval "text_$number=\$body"
  while [ "$number" -lt "$texts" ]; do
    number=$((number + 1))
    eval "text_$number=''"
  done
}

# want_sums install LINEAGE PARTS ... PATH: of what is no text: the file, and the one that it is a copy of.
want_sums() {
  installs=$((installs + 1))
  ! is_text "$3" && [ "$7" != shared ] || return 0
  decode_path "$8" || return 0
  [ -f "$path" ] && [ -r "$path" ] && [ -f "$base/live/$2/$3" ] || return 0
  sums=$((sums + 2))
  eval "sums_$installs=\$sums"
  gather "$path$newline$base/live/$2/$3$newline"
}
read_sums() {
  [ "$sums" -gt 0 ] || return 0
  adder='cksum'
  ! command -v sha256sum >/dev/null 2>&1 || adder='sha256sum'
  IFS=$newline
  # shellcheck disable=SC2046,SC2086 # a path in each line
  set -- $(exec "$adder" $gathered$gathering 2>/dev/null)
  IFS=' '
  [ "$#" -eq "$sums" ] || sums=0
  number=0
  for line in "$@"; do
    number=$((number + 1)) line=${line#\\}
    eval "sum_$number=\${line%% /*}"
  done
}

want_listing() {
  slot_of "$2"
  eval "[ -z \"\$key_$slot\" ]" || gather "$base/live/$2/privkey.pem$newline"
}
want_listing_of_file() { decode_path "$8" && [ -f "$path" ] && gather "$path$newline" || true; }

# tell_certificate cert LINEAGE GENERATION ...
tell_certificate() {
  slot_of "$2"
  eval "link=\$link_$slot number=\$certificate_$slot"
  text_of "$number"
  certificate_text=$body
  eval "number=\$key_$slot"
  text_of "$number"
  key_text=$body fits=none text=''
  if [ -n "$certificate_text" ] && [ -n "$key_text" ]; then
    fits=''
    own public look_at_texts
    [ -n "$fits" ] || judge_pair "$base/live/$2"
  fi
  case $certificate_text in
    *'-----BEGIN CERTIFICATE-----'*)
      text=${certificate_text#*-----BEGIN CERTIFICATE-----}
      text=${text%%-----END CERTIFICATE-----*}
      text=${text#"$newline"}
      # Nothing but a certificate goes out.
      case $text in *[!A-Za-z0-9+/="$newline"]*) text='' ;; esac
      ;;
  esac
  whose "$base/live/$2/privkey.pem"
  say_with "$text" seen "$2" "$link" "$fits" "$whose"
}

# text_of NUMBER: sets $body.
text_of() {
  body=''
  [ -z "$1" ] || eval "body=\$text_$1"
}

# whose PATH: sets $whose to mode, owner and group, by what ls has said.
whose() {
  whose='- - -'
  listed_as "$1" "$listing" || return 0
  # shellcheck disable=SC2086 # its fields
  set -- $line
  whose="$1 $3 $4"
}

# tell_file install LINEAGE PARTS MODE OWNER GROUP ALLOWED PATH
tell_file() {
  installs=$((installs + 1)) found=missing
  decode_path "$8" || return 0
  if [ -f "$path" ]; then
    found=changed
    if [ "$7" = shared ]; then found=same; elif is_text "$3"; then same_text; else same_sum; fi && found=same
  fi
  whose "$path"
  hold file "$installs" "$found" "$whose"
}
same_text() {
  numbers='' expected=''
  eval "file=\$file_$installs numbers=\$parts_$installs"
  for number in $numbers; do
    [ "$number" != none ] || return 1
    text_of "$number"
    expected=$expected$body
  done
  text_of "$file"
  [ -n "$file" ] && [ "$body" = "$expected" ]
}
same_sum() {
  eval "number=\$sums_$installs"
  [ -n "$number" ] && [ "$sums" -gt 0 ] && eval "[ \"\$sum_$((number - 1))\" = \"\$sum_$number\" ]"
}

# say_with TEXT FIELD...: a frame with bytes.
say_with() {
  text=$1
  shift
  unsent="$unsent@certfleet $nonce ${#text} $*$newline$text${text:+$newline}"
  [ "${#unsent}" -lt 32768 ] || {
    put "$unsent" 2>/dev/null || true
    unsent=''
  }
}
