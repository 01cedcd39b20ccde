#!/bin/sh
# Run a command of Parcours as the service runs: its user, its settings. Install as /usr/local/bin/parcours.
set -eu
set -a
. /etc/parcours/parcours.env
set +a
umask 077
exec runuser -u parcours -- /opt/parcours/.venv/bin/parcours "$@"
