#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx.sh DIR ARG...: DIR's nginx. It makes folders in /var/lib/nginx that no setting moves (the module asks for the
# default of one of its own, too), so it gets a /var/lib of its own, in memory.
set -euo pipefail
nginx=$1/usr/sbin/nginx
shift
as=()
[ "$(id -u)" = 0 ] || as=(--map-root-user)
exec unshare "${as[@]}" --mount \
    sh -c 'mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/nginx && exec "$@"' sh "$nginx" "$@"
