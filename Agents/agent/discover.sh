# --- Discovery: what is on this host that has to do with certificates. It reads, changes nothing, and opens no key ----

# discover_host: the lines of services' configurations that name certificates and ports, what other clients of CAs have, and where something
# listens; or, where the request names files, what they are.
discover_host() {
  hold hello "$version" 0
  # shellcheck disable=SC3045
  ulimit -S -t 60 2>/dev/null
  case $newline$plan in
    *"${newline}read "* | *"${newline}list "*)
      each read tell_path
      each list tell_path
      ;;
    *)
      tell_services
      tell_clients
      text=$(exec grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
      tell listening /proc/net/tcp
      ;;
  esac
  say end ok
}

# tell KIND PATH: a frame with the path and $text. What is too long for one is told to be so.
tell() {
  case $2 in *"$newline"*) return 0 ;; esac
  if [ "${#text}" -gt 60000 ]; then
    text=''
    set -- too_long "$2"
  fi
  say_with "$2$newline$text" told "$1"
}

tell_services() {
  for folder in /etc/nginx /usr/local/etc/nginx /usr/local/nginx/conf /opt/nginx/conf; do
    follow nginx "$folder" nginx.conf '(^|[;{[:space:]])(ssl_certificate(_key)?|listen|server_name)[[:space:]]' \
      's/^/ /;s/^[^#]*[;{[:space:]]include[[:space:]]\{1,\}\([^;]*\);.*/\1/p'
  done
  for file in /etc/apache2/apache2.conf /etc/httpd/conf/httpd.conf /etc/apache2/httpd.conf; do
    folder=${file%/*}
    follow apache "${folder%/conf}" "${file#"${folder%/conf}/"}" \
      '^[[:space:]]*(SSLCertificate(Key|Chain)?File|Listen|<[Vv]irtual[Hh]ost|ServerName|ServerAlias)[[:space:]]' \
      's/^[[:space:]]*Include\(Optional\)\{0,1\}[[:space:]]\{1,\}\(.*\)/\2/p'
  done
  follow haproxy /etc/haproxy haproxy.cfg '^[[:space:]]*(bind|crt-base|load|crt-store)[[:space:]]' ''
  follow postfix /etc/postfix main.cf '^smtpd_tls_(cert|key|eccert|eckey|chain)_files?[[:space:]]*=|^smtpd_tls_security_level' ''
  follow dovecot /etc/dovecot dovecot.conf '^[[:space:]]*(ssl_cert|ssl_key|ssl_server_cert_file|ssl_server_key_file|ssl)[[:space:]]*=' \
    's/^[[:space:]]*!include\(_try\)\{0,1\}[[:space:]]\{1,\}\(.*\)/\2/p'
}

# follow SERVICE FOLDER FILE LINES INCLUDES: a configuration with all that it includes, by the names that it has in FOLDER.
follow() {
  service=$1 folder=$2 lines=$4 includes=$5 files=0 met=$newline rest=$2/$3$newline
  while [ -n "$rest" ] && [ "$files" -lt 1000 ]; do
    file=${rest%%"$newline"*} rest=${rest#*"$newline"} files=$((files + 1))
    case $met in *"$newline$file$newline"*) continue ;; esac
    met=$met$file$newline text=''
    if [ -d "$file" ]; then
      add_matches "$file/*"
      continue
    fi
    [ -f "$file" ] || continue
    if [ ! -r "$file" ]; then
      tell unreadable "$file"
      continue
    fi
    text=$(exec grep -E "$lines" "$file" 2>/dev/null)
    [ -z "$text" ] || tell "$service" "$file"
    [ -n "$includes" ] || continue
    IFS=$newline
    # shellcheck disable=SC2013 # a line each
    for pattern in $(exec sed -n "$includes" "$file" 2>/dev/null); do
      IFS=' '
      pattern=${pattern#[\"\']}
      pattern=${pattern%[\"\']}
      case $pattern in /*) ;; *) pattern=$folder/$pattern ;; esac
      add_matches "$pattern"
    done
    IFS=' '
  done
  [ -z "$rest" ] || { text='' && tell too_long "$2/$3"; }
}

# add_matches PATTERN
add_matches() {
  set -- "$1" "$IFS"
  IFS=$newline
  set +f
  for entry in $1; do
    [ ! -e "$entry" ] || rest=$rest$entry$newline
  done
  set -f
  IFS=$2
}

# tell_clients: of what certbot, acme.sh and dehydrated keep, the lines that say what a certificate is and how it is renewed. The files
# with what they log in with are not opened.
tell_clients() {
  rest=''
  add_matches '/etc/letsencrypt/renewal/*.conf'
  tell_lines certbot '^(archive_dir|cert|authenticator|server|key_type|pre_hook|post_hook|renew_hook|webroot_path|dns_[a-z0-9]*_credentials)[[:space:]]*='
  add_matches '/etc/letsencrypt/renewal-hooks/[dp]*/*'
  text=$rest rest=''
  [ -z "$text" ] || tell certbot /etc/letsencrypt/renewal-hooks
  for home in /root /home/*; do add_matches "$home/.acme.sh/*/*.conf"; done
  tell_lines acme.sh '^Le_(Domain|Alt|API|Keylength|Webroot|RealCertPath|RealCACertPath|RealKeyPath|RealFullChainPath|ReloadCmd|PreHook|PostHook|RenewHook)='
  add_matches '/var/lib/dehydrated/certs/*/cert.pem'
  add_matches '/etc/dehydrated/certs/*/cert.pem'
  tell_lines dehydrated '^$'
}

# tell_lines KIND LINES: of each file in $rest.
tell_lines() {
  IFS=$newline
  for file in $rest; do
    IFS=' '
    text=$(exec grep -E "$2" "$file" 2>/dev/null)
    if [ -r "$file" ]; then tell "$1" "$file"; else tell unreadable "$file"; fi
  done
  IFS=' ' rest=''
}

# tell_path read|list PATH: whose it is, where it leads as a link, and where it is to be read and begins with a certificate, that one. Nothing behind the
# line with which a key begins is looked at.
tell_path() {
  decode_path "$2" || return 0
  set -- "$1" "$path"
  rest=''
  if [ -d "$2" ]; then add_matches "$2/*"; else rest=$2$newline; fi
  IFS=$newline
  for file in $rest; do
    IFS=' '
    [ -f "$file" ] || continue
    listing=$newline$(exec ls -ldL "$file" 2>/dev/null)$newline
    whose "$file"
    [ ! -L "$file" ] || whose="$whose $(exec readlink -f "$file" 2>/dev/null)"
    text=$whose$newline
    [ "$1" != read ] || text=$text$(exec sed -n '/PRIVATE KEY-/q
/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p
/^-----END CERTIFICATE-----/q' "$file" 2>/dev/null)
    if [ -r "$file" ] || [ "$1" = list ]; then tell file "$file"; else tell unreadable "$file"; fi
  done
  IFS=' '
}
