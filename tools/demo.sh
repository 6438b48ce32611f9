#!/usr/bin/env bash
# Sets up what the demo needs, builds the `phy-sec` command and runs `phy-sec demo`, with the arguments given here.
#
#   tools/demo.sh                         a simulated scene; no radio, no GPU, no data needed
#   tools/demo.sh --data ../shared/data   the same on recordings
#
# Safe to run twice: the second time installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup.sh

need_packages ca-certificates gcc libc6-dev
need_rust

features=cli
# A GPU is used only when asked for (--backend gpu); the build can offer it where a Vulkan loader is there.
if ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; then features=cli,gpu; fi

run "Building the phy-sec command (features: $features)" \
  cargo build --release --locked -p phy-sec --features "$features"
run "phy-sec demo $*" target/release/phy-sec demo "$@"
