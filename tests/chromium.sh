#!/bin/sh
# The browser tests need a Chromium: an installed one, or Debian's when we may install it.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the browser tests…"
    { apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 \
        || echo "chromium could not be installed: the browser tests will be skipped, or fail with CI=true."
fi
