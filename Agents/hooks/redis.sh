# @redis: makes Redis load its certificate and key again; what cannot be loaded leaves it as it was.
# What follows goes to redis-cli: `@redis -p 6380`. A setting has to change for it, so one is changed and changed back.
size=$(redis-cli "$@" --no-auth-warning CONFIG GET tls-session-cache-size | sed -n 2p)
case $size in
  '' | *[!0-9]*)
    echo "redis-cli says '$size', and no tls-session-cache-size: has this Redis TLS?" >&2
    exit 1
    ;;
esac
for next in $((size + 1)) "$size"; do
  answer=$(redis-cli "$@" --no-auth-warning CONFIG SET tls-session-cache-size "$next") || exit
  [ "$answer" = OK ] || {
    echo "$answer" >&2
    exit 1
  }
done
