# @stunnel: makes stunnel read its configuration and certificates again; one that has a mistake leaves it as it was.
# What follows is its unit, or the pid file of one that systemd does not run: `@stunnel stunnel@imap`, `@stunnel PIDFILE`.
case ${1:-} in
  /*) server=$(cat "$1") && kill -s HUP "$server" ;;
  *) systemctl reload-or-restart -- "${1:-stunnel4}" ;;
esac
