# @nginx: reloads nginx, unless `nginx -t` finds a mistake in its configuration.
# What follows goes to nginx: `@nginx -c /opt/nginx/nginx.conf`.
nginx "$@" -t && nginx "$@" -s reload
