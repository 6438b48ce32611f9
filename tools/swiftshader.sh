#!/usr/bin/env bash
# A second software Vulkan driver, SwiftShader: 4 lanes and 256 threads where Mesa's lavapipe has 8 and 1024.
# Taken out of Debian's chromium-common, without installing it.
#
#   tools/swiftshader.sh                    prints the path of the driver's manifest
#   tools/swiftshader.sh COMMAND [ARG...]   runs a command that sees this driver and no other
#
# Safe to run twice: the second time downloads nothing.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/phy-sec/swiftshader"
manifest="$cache/usr/lib/chromium/vk_swiftshader_icd.json"

if [ ! -e "$manifest" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "SwiftShader comes from Debian's chromium-common; without apt-get, name a Vulkan driver in VK_DRIVER_FILES." >&2
    exit 1
  fi
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (
    cd "$work"
    options=(-qq -o "APT::Sandbox::User=$(id -un)") # apt's own user cannot write here
    apt-get "${options[@]}" download chromium-common >&2 || {
      # Package lists that are missing or out of date.
      if [ "$(id -u)" = 0 ]; then apt-get -qq update >&2; else sudo apt-get -qq update >&2; fi
      apt-get "${options[@]}" download chromium-common >&2
    }
    dpkg --fsys-tarfile chromium-common_*.deb |
      tar -x --wildcards './usr/lib/chromium/*swiftshader*' './usr/share/doc/chromium-common/copyright*'
    rm chromium-common_*.deb
  )
  mv -T "$work" "$cache" # complete or not there at all
fi

if [ $# = 0 ]; then
  echo "$manifest"
else
  VK_DRIVER_FILES="$manifest" exec "$@"
fi
