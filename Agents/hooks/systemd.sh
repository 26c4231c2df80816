# @systemd UNIT: reloads any service, or restarts one that cannot reload; a failed reload leaves it as it was.
# Several units may follow, and each has to be active afterwards: `@systemd slapd postgresql@15-main`.
[ "$#" -gt 0 ] || {
  echo 'name the unit: @systemd UNIT' >&2
  exit 64
}
systemctl reload-or-restart -- "$@" || exit
for unit in "$@"; do
  systemctl --quiet is-active -- "$unit" || {
    systemctl --no-pager status -- "$unit" >&2
    exit 1
  }
done
