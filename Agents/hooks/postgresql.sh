# @postgresql: makes PostgreSQL read its settings and its certificate again, unless a setting has a mistake.
# What follows goes to psql, which runs as postgres: `@postgresql -h /run/postgresql -p 5433`.
sql() {
  if [ "$(id -u)" -eq 0 ]; then
    cd / && runuser -u postgres -- psql -XAtq -d postgres "$@"
  else
    psql -XAtq -d postgres "$@"
  fi
}
mistakes=$(sql "$@" -c 'SELECT sourcefile, sourceline, name, error FROM pg_file_settings WHERE error IS NOT NULL') || exit
[ -z "$mistakes" ] || {
  echo "$mistakes" >&2
  exit 1
}
[ "$(sql "$@" -c 'SELECT pg_reload_conf()')" = t ]
