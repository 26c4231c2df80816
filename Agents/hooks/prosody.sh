# @prosody: makes Prosody read its configuration and certificates again, unless the configuration cannot be read.
# What follows goes to prosodyctl: `@prosody --config /opt/prosody.cfg.lua`.
prosodyctl "$@" status >/dev/null && prosodyctl "$@" reload
