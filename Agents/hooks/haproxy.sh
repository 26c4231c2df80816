# @haproxy: reloads HAProxy, unless its configuration or a certificate in it has a mistake.
# What follows is the configuration, and the pid file of a master that systemd does not run: `@haproxy FILE PIDFILE`.
configuration=${1:-/etc/haproxy/haproxy.cfg}
haproxy -c -q -f "$configuration" || exit
if [ -n "${2:-}" ]; then
  master=$(cat "$2") && kill -s USR2 "$master"
else
  systemctl reload haproxy
fi
