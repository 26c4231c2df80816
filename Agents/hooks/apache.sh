# @apache: lets Apache take its new certificate without ending connections, unless its configuration has a mistake.
# What follows goes to apache2ctl (or apachectl): `@apache -f /opt/httpd.conf`.
program=$(command -v apache2ctl || command -v apachectl) || {
  echo 'neither apache2ctl nor apachectl is installed' >&2
  exit 127
}
"$program" "$@" -t && "$program" "$@" -k graceful
