# --- The files of a generation --------------------------------------------------------------------------------

# set_layout FOLDER: owner, group and mode of the key: as they are declared, else as a person gave them to the key before, as far as
# nobody but a group may read it; what is not taken over is told.
set_layout() {
  wanted_owner=- wanted_group=- wanted_mode=''
  own layout note_layout
  [ -f "$1/privkey.pem" ] || return 0
  if [ -z "$wanted_mode" ]; then
    [ "$old" != - ] || return 0
    eval "line=\$keys_$slot"
    listed_as "$base/archive/$lineage/$old/privkey.pem" "$newline$line$newline" || return 0
    # shellcheck disable=SC2086 # its fields
    set -- "$1" $line
    case $2:$4 in -rw-------*:"$self") [ "$5" != 0 ] || return 0 ;; esac
    case $2 in
      -rw-------*) wanted_mode=0600 ;;
      -rw-r-----*) wanted_mode=0640 ;;
      -r--r-----*) wanted_mode=0440 ;;
      -r--------*) wanted_mode=0400 ;;
      *)
        if may_mend "$lineage"; then
          chmod 600 "$1/privkey.pem" 2>/dev/null
          return
        fi
        told="the key before had $2, which is not taken over: the new one is for its owner alone; declare layout: { key_mode }"
        return 0
        ;;
    esac
    [ "$4" = "$self" ] || wanted_owner=$4
    wanted_group=$5
    [ "$wanted_mode:$wanted_owner" != 0600:- ] || return 0
    told="the key is as the one before was made by hand ($2 $4 $5); declare it: layout: { owner, group, key_mode }"
  fi
  why="the key in $1 cannot be given the owner, group and mode that it is to have"
  give "$wanted_owner" "$wanted_group" "$1/privkey.pem" 2>/dev/null && chmod "$wanted_mode" "$1/privkey.pem" 2>/dev/null
}
# note_layout layout LINEAGE OWNER GROUP MODE
note_layout() { wanted_owner=$3 wanted_group=$4 wanted_mode=$5; }

# give OWNER GROUP FILE
give() {
  case $1:$2 in
    -:-) ;;
    -:*) chgrp "$2" "$3" ;;
    *:-) chown "$1" "$3" ;;
    *) chown "$1:$2" "$3" ;;
  esac
}

same() { cmp -s "$1" "$2" 2>/dev/null; }

# is_there file LINEAGE NAME MODE CONTENT: whether the generation has it already. A keystore has other bytes each time
# that it is made of the same certificate.
is_there() {
  case $3 in *.pem) ;; *) return 0 ;; esac
  [ -f "$dir/$3" ] && content_is "$dir/$3" "$5"
}
renew_file() {
  case $3 in *.pem) return 0 ;; esac
  # The generation may be active: whoever reads it finds the old file or the new one.
  building=$state
  write_file "$1" "$2" "$3.new" "$4" "$5" && mv -f "$state/$3.new" "$dir/$3" 2>/dev/null
}

# content_is FILE FIELD
content_is() {
  case $2 in
    =*) [ "$(base64 <"$1" | tr -d '\n')" = "${2#=}" ] ;;
    *)
      decode_content "${1##*/}" "$2"
      [ "$(cat "$1" && echo .)" = "$decoded." ]
      ;;
  esac
}

# decode_content NAME FIELD: sets $decoded; `+` is cert.pem and chain.pem, which came before.
decode_content() {
  case $2 in +) decoded=$certificate_text$chain_text ;; *) decode "$2" ;; esac
  case $1 in
    cert.pem) certificate_text=$decoded ;;
    chain.pem) chain_text=$decoded ;;
    privkey.pem) key_text=$decoded ;;
  esac
}

# write_file file LINEAGE NAME MODE CONTENT: an empty chain.pem is right for a CA without intermediates.
write_file() {
  is_name "$3" || { why="'$3' cannot be a file's name" && return 1; }
  why="$building/$3 cannot be written; is the disk full?"
  case $4 in 0644) umask 022 ;; esac
  case $5 in
    =*)
      case $3 in cert.pem) certificate_text='' ;; privkey.pem) key_text='' ;; esac
      { put "${5#=}" | base64 -d >"$building/$3"; } 2>/dev/null && content_is "$building/$3" "$5"
      ;;
    *)
      decode_content "$3" "$5"
      names="$names${names:+ }$3" expected=$expected$decoded
      { put "$decoded" >"$building/$3"; } 2>/dev/null
      ;;
  esac
  set -- "$?"
  umask 077
  return "$1"
}

# hostkey LINEAGE ID GENERATION: the key that this host has made for the certificate, or has in its place already.
key_is_there() { [ -f "$dir/privkey.pem" ]; }
write_hostkey() {
  is_name "$3" || { why="'$3' cannot be a key's name" && return 1; }
  set -- "$2" "$state/keys/$2/$3.pem"
  why="the key that this host made for the certificate is gone; make new ones: certfleet cert renew $1"
  [ -f "$2" ] || return 1
  why="$dir/privkey.pem cannot be written; is the disk full?"
  cp "$2" "$building/privkey.pem" 2>/dev/null && chmod 600 "$building/privkey.pem" && same "$2" "$building/privkey.pem" || return 1
  made_here=yes key_text=''
  need_openssl
}

# forget_key hostkey LINEAGE ID ...: it rests beside its certificate now.
forget_key() { throw_away "$state/keys/$2/$3.pem"; }

# kept LINEAGE GENERATION: one that the host is to have still, so its key is not sent again.
kept_is_there() { [ -f "$dir/privkey.pem" ]; }
refuse_kept() {
  [ -f "$dir/privkey.pem" ] || why="generation $3 is not on the host any more"
  why="$why; bring the host forward: certfleet cert renew $2"
  return 1
}

# announce cert LINEAGE GENERATION ...
announce() {
  active_of "$2"
  # Where nothing is, taking it away changes nothing.
  [ "$retires$old" != yes- ] || old=$3
  journal "activate $2 $3 $old"
}

# activate cert LINEAGE GENERATION ...: one rename, so that certificate and key change together.
activate() {
  say begin activate "$2" - 0
  if bring_to "$2" "$3" 2>/dev/null || why=$(bring_to "$2" "$3" 2>&1); then
    step activate "$2" - ok 0
  else
    why=$(put "$why" | one_line)
    step activate "$2" - error 1 "$why"
    return 1
  fi
}

bring_to() { if [ -n "$retires" ]; then take_away "$1"; else point "$1" "$2"; fi; }

# point LINEAGE GENERATION: plain mv would move the new link into the folder that the old one points to.
# Where there is nothing yet, making the link is one step already.
point() {
  if [ -L "$base/live/$1" ] || [ -e "$base/live/$1" ]; then
    ln -sfn "../archive/$1/$2" "$state/link" && mv -T "$state/link" "$base/live/$1"
  else
    ln -s "../archive/$1/$2" "$base/live/$1"
  fi
}

# tidy cert LINEAGE GENERATION ...: keeps three generations, and the active one whatever its number.
tidy() {
  if [ -n "$retires" ]; then
    forget_lineage "$2"
    return
  fi
  set +f
  set -- "$3" "$base/archive/$2"/*
  set -f
  [ "$#" -gt 4 ] || return 0
  for folder in "$@"; do
    number=${folder##*/}
    case $folder:$number in "$1":* | *:*[!0-9]*) continue ;; esac
    newer=0
    for entry in "$@"; do
      case ${entry##*/} in *[!0-9]*) continue ;; esac
      [ "$entry" = "$1" ] || [ "${entry##*/}" -le "$number" ] || newer=$((newer + 1))
    done
    [ "$newer" -lt 3 ] || [ "$number" = "$1" ] || throw_away "$folder"
  done
}
