# @proftpd: makes ProFTPD read its configuration and certificates again, unless the configuration has a mistake.
# What follows is the configuration, and the pid file of one that systemd does not run: `@proftpd FILE PIDFILE`.
proftpd -t -c "${1:-/etc/proftpd/proftpd.conf}" >/dev/null || exit
if [ -n "${2:-}" ]; then
  server=$(cat "$2") && kill -s HUP "$server"
else
  systemctl reload proftpd
fi
