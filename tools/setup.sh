# Sourced by demo.sh and test.sh: installs what is missing, says so, and installs nothing twice.
# shellcheck shell=bash

RUST_NEEDED=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

say() { printf '\n==> %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# need_packages PACKAGE...: installs the Debian packages that are not there.
need_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "Please install what Debian calls: ${missing[*]}" >&2
    exit 1
  fi
  say "Installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# at_least HAVE WANT: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust_version() { { rustc --version 2>/dev/null || echo none 0; } | cut -d' ' -f2; }

# need_rust: a toolchain that is new enough is used as it is; otherwise Debian's, where it is new enough.
need_rust() {
  if command -v cargo >/dev/null && at_least "$(rust_version)" "$RUST_NEEDED"; then
    return
  fi
  local candidate=""
  if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    for name in rustc rustc-web; do
      local offered
      offered=$(apt-cache policy "$name" 2>/dev/null | awk '/Candidate:/ { print $2 }')
      if [ -n "$offered" ] && [ "$offered" != "(none)" ] && at_least "${offered%%+*}" "$RUST_NEEDED"; then
        candidate=$name
      fi
    done
  fi
  case "$candidate" in
    rustc) need_packages rustc cargo ;;
    rustc-web) need_packages rustc-web cargo-web ;;
    *)
      cat >&2 <<TEXT
phy-sec needs Rust $RUST_NEEDED or newer; this machine has $(rust_version), and its package source has none that is new enough.
Install it from https://rustup.rs and run this again.
TEXT
      exit 1
      ;;
  esac
}

# run STEP COMMAND...: says what it does, then does it.
run() {
  say "$1"
  shift
  "$@"
}
