#!/bin/sh
# The mail chain needs servers of Debian's, and root to give each its own user. Fails where it cannot run.
packages="postfix dovecot-core dovecot-lmtpd dovecot-sieve rspamd spamassassin opendkim postgrey vacation"

skip() {
    echo "MAIL CHAIN NOT TESTED: $1."
    exit 1
}

[ "$(id -u)" = 0 ] || skip "it must be run as root"
command -v dpkg-query >/dev/null 2>&1 || skip "it needs Debian's packages"
missing=
for name in $packages; do
    dpkg-query --show --showformat='${Status}\n' "$name" 2>/dev/null | grep -q ' installed$' || missing="$missing $name"
done
if [ -n "$missing" ]; then
    echo "Installing for the mail chain, without starting any of them:$missing…"
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
        trap 'rm -f $policy' EXIT
    fi
    # shellcheck disable=SC2086  # a list of words
    {
        apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
    } >/dev/null 2>&1 || skip "these packages could not be installed:$missing"
fi
case "$(dovecot --version)" in
2.3.*) ;;
*) skip "its configuration is for Dovecot 2.3, as in Debian 12" ;;
esac
