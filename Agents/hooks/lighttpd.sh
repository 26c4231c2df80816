# @lighttpd: makes lighttpd start again in place, unless its configuration or a certificate in it has a mistake.
# What follows is the configuration, and the pid file of one that systemd does not run: `@lighttpd FILE PIDFILE`.
lighttpd -tt -f "${1:-/etc/lighttpd/lighttpd.conf}" || exit
if [ -n "${2:-}" ]; then
  server=$(cat "$2") && kill -s USR1 "$server"
else
  systemctl reload lighttpd
fi
