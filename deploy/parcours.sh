#!/bin/sh
# Run a command of Parcours as the service runs: its user, its settings. Install as /usr/local/bin/parcours.
# By root, or by that user: Postfix pipes mails to it.
set -eu
set -a
. /etc/parcours/parcours.env
set +a
umask 077
[ "$(id -un)" != parcours ] || exec /opt/parcours/.venv/bin/parcours "$@"
exec runuser -u parcours -- /opt/parcours/.venv/bin/parcours "$@"
