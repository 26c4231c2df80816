# @mosquitto: makes Mosquitto read its certificates again; who is connected stays so.
# What follows is the pid file of one that systemd does not run: `@mosquitto PIDFILE`.
if [ -n "${1:-}" ]; then
  server=$(cat "$1") && kill -s HUP "$server"
else
  systemctl reload mosquitto
fi
