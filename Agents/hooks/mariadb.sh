# @mariadb: makes MariaDB load its certificate and key again (FLUSH SSL, from 10.4); what cannot be loaded leaves it as it was.
# What follows goes to mariadb: `@mariadb --socket=/run/other.sock`.
mariadb "$@" -e 'FLUSH SSL'
