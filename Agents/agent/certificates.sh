# --- Certificates: staged aside, activated by one rename -----------------------------------------------------

# stage cert LINEAGE GENERATION FINGERPRINT DOMAINS
stage() {
  say begin stage "$2" - 0
  told=''
  slot_of "$2"
  if if [ -n "$retires" ]; then note_aside "$@"; else stage_pair "$@"; fi; then
    # They are on the disk now, and each process that is started takes longer the more the shell holds.
    eval "files_$slot=''"
    step stage "$2" - ok 0 "$told"
    return 0
  fi
  step stage "$2" - error 1 "$why"
  return 1
}
stage_pair() { is_ours "$2" && is_forward "$2" "$3" && stage_files "$2" "$3" && own install place; }

# is_ours LINEAGE: whether its place is free, or a link of ours to a generation that is there. What is active is kept beside $slot.
is_ours() {
  why="$base/live/$1 is not a link that certfleet made; move it away, set another base or, if it is certbot's, take_over: 'certbot'"
  if [ ! -e "$base/live/$1" ] && { [ ! -L "$base/live/$1" ] || may_mend "$1"; }; then
    eval "active_$slot=-"
    return 0
  fi
  if is_folder_of_another "$1"; then
    asks "certbot $1 take" && take_over "$1"
    return
  fi
  # What was seen before the lock was had may be another visit's by now.
  eval "target=\${link_$slot:-}"
  # shellcheck disable=SC3013 # every shell that we know has -ef
  if [ -n "$target" ] && [ "$base/live/$1" -ef "$target" ]; then
    set -- "$1" "../archive/${target#"$base/live/../archive/"}"
  else
    set -- "$1" "$(readlink "$base/live/$1")"
  fi
  case ${2#"../archive/$1/"} in
    '' | *[!0-9]*)
      set_link_aside "$1"
      return
      ;;
  esac
  eval "active_$slot=\${2##*/}"
  set -- "$base/archive/$1/${2##*/}"
  [ -d "$1" ] || return 1
  # shellcheck disable=SC3067 # every shell that we know has -O
  [ -O "$1" ] || {
    why="$1 belongs to somebody else; mend it: chown -R $(id -un) $1"
    return 1
  }
}

# may_mend LINEAGE: whether what is in its place and not as it should be may be replaced. It stays as generation 0, which is gone back to
# where something fails.
may_mend() { asks "mend $1"; }

# is_folder_of_another LINEAGE: whether certbot's own, or somebody's, is in its place.
is_folder_of_another() { [ ! -L "$base/live/$1" ] && [ -d "$base/live/$1" ]; }

# set_link_aside LINEAGE: a link of somebody else's. A folder in its place is left to a person.
set_link_aside() {
  may_mend "$1" && [ -L "$base/live/$1" ] || return 1
  set -- "$1" "$(readlink "$base/live/$1")"
  case $2 in /*) ;; *) set -- "$1" "$base/live/$2" ;; esac
  why=$(mkdir -p "$base/archive/$1" && rm -rf "${base:?}/archive/$1/0" && ln -s "$2" "$base/archive/$1/0" && point "$1" 0 2>&1) || {
    why=$(put "$why" | one_line)
    return 1
  }
  eval "active_$slot=0"
}

# set_aside LINEAGE: the active generation, whose files are not those that were put there. Sets $old.
set_aside() {
  why="$dir is active and holds another certificate; renew once more for a new generation"
  may_mend "$1" || return 1
  why=$(rm -rf "${base:?}/archive/$1/0" && cp -pR "$dir" "$base/archive/$1/0" && point "$1" 0 2>&1) || {
    why=$(put "$why" | one_line)
    return 1
  }
  old=0
  eval "active_$slot=0"
}

# is_forward LINEAGE GENERATION: a controller whose state is an older copy does not know what is here; it must say that it goes back.
is_forward() {
  active_of "$1"
  case $old in -) return 0 ;; esac
  [ "$old" -gt "$2" ] || return 0
  if asks "kept $1 $2" || asks "back $1"; then return 0; fi
  why="generation $old of $1 is active here, which is newer than the $2 that was to be put there; nothing is taken back without a person's word: certfleet cert revert $1, or bring all forward: certfleet cert renew $1"
  return 1
}

# active_of LINEAGE: sets $old to what was active when it was staged; `-` is nothing; and $slot.
active_of() {
  slot_of "$1"
  eval "old=\$active_$slot"
}

# stage_files LINEAGE GENERATION: into a folder that only the agent can enter, which then becomes the generation's by one rename. No
# access list of the base reaches what is made there, and nobody else could have made it before.
stage_files() {
  lineage=$1 dir=$base/archive/$1/$2 names='' expected='' made_here='' certificate_text='' chain_text='' key_text=''
  active_of "$1"
  if [ -e "$dir" ]; then
    why="generation $2 on the host is not the one that was issued"
    if own file is_there && own hostkey key_is_there && own kept kept_is_there; then
      own file renew_file && set_layout "$dir"
      return
    fi
    [ "$old" != "$2" ] || set_aside "$1" || return 1
    own kept refuse_kept || return 1
    why=$(rm -rf "$dir" 2>&1 | one_line)
    [ -z "$why" ] || return 1
  fi
  own kept refuse_kept || return 1
  journal "stage $1 $2 " || return 1
  set --
  for folder in "$base/live" "$base/archive" "$base/archive/$lineage"; do
    [ -d "$folder" ] || set -- "$@" "$folder"
  done
  clear_building
  building=$state/building
  mkdir -m 755 "$@" "$building" 2>/dev/null || why=$(exec mkdir -p -m 755 "$@" "$building" 2>&1)
  [ -d "$building" ] && [ -d "$base/archive/$lineage" ] || {
    why=$(put "$why" | one_line)
    return 1
  }
  own file write_file || return 1
  why="the files of $dir cannot be written; is the disk full?"
  # A full disk can leave a short file behind a command that ended well.
  # shellcheck disable=SC2086 # names of ours
  [ -z "$names" ] || [ "$(cd "$building" && exec cat $names)" = "${expected%"$newline"}" ] || return 1
  own hostkey write_hostkey && key_fits && set_layout "$building" || return 1
  mv -T "$building" "$dir" 2>/dev/null || why=$(exec mv -T "$building" "$dir" 2>&1) && return 0
  why=$(put "$why" | one_line)
  return 1
}
clear_building() { [ ! -e "$state/building" ] || rm -rf "$state/building"; }

# key_fits: before anything becomes active. By the text where that tells it, for OpenSSL takes as long as ten other programs; else
# by OpenSSL, which exports no certificate with another's key.
key_fits() {
  [ -f "$building/privkey.pem" ] && [ -f "$building/cert.pem" ] || return 0
  fits=''
  own public look_at_texts
  [ -z "$fits" ] || return 0
  judge_pair "$building"
  case $fits:$made_here in
    yes:* | unknown: | unasked:*) return 0 ;;
    *:yes) why='the key that this host made does not belong to the certificate' ;;
    *) why='the key does not belong to the certificate; nothing was changed' ;;
  esac
  return 1
}

need_openssl() {
  command -v openssl >/dev/null 2>&1 && return 0
  why="the command 'openssl' is missing on the host, which makes its keys itself; install it"
  return 1
}

# judge_pair FOLDER: sets $fits to what OpenSSL says of the certificate and the key in it: `yes`, `no`, or `unknown` where it cannot read
# them, and `unasked` where there is no OpenSSL.
judge_pair() {
  fits=unasked
  command -v openssl >/dev/null 2>&1 || return 0
  why=$(OPENSSL_CONF=/dev/null exec openssl pkcs12 -export -keypbe NONE -certpbe NONE -nomac -passout pass: \
    -in "$1/cert.pem" -inkey "$1/privkey.pem" -out /dev/null 2>&1 </dev/null) && fits=yes && return 0
  fits=unknown
  case $why in *'matches private key'* | *mismatch*) fits=no ;; esac
}

# look_at_texts public LINEAGE TEXT TEXT TEXT: whether both files hold that public key, which is told as it is in base64, by where in
# a group of three bytes it begins (RFC 4648, 4).
look_at_texts() {
  has_text "$certificate_text" "$3" "$4" "$5" && has_text "$key_text" "$3" "$4" "$5" && fits=yes
  return 0
}
has_text() {
  without_lines "$1"
  case $joined in *"$2"* | *"$3"* | *"$4"*) ;; *) return 1 ;; esac
}

# without_lines TEXT: sets $joined to its lines, one after another.
without_lines() {
  IFS=$newline
  # shellcheck disable=SC2086 # its lines
  set -- $1
  IFS=''
  joined=$*
  IFS=' '
}
