# @postfix: reloads Postfix, unless `postfix check` finds a mistake.
# What follows goes to postfix: `@postfix -c /etc/postfix-out`.
postfix "$@" check && postfix "$@" reload
