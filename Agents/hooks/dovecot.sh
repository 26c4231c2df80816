# @dovecot: reloads Dovecot, unless its configuration cannot be read.
# What follows goes to doveconf and doveadm: `@dovecot -c /opt/dovecot.conf`.
doveconf "$@" -n >/dev/null && doveadm "$@" reload
