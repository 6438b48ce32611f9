#!/usr/bin/env bash
# Sets up what the tests need and runs all of them: Rust (with the GPU kernels on software Vulkan drivers), Python, notebooks.
#
# Recordings are looked for in $PHY_SEC_DATA (default ../shared/data); where there are none, the tests that need them say so.
# Safe to run twice: the second time installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup.sh

need_packages ca-certificates gcc g++ libc6-dev libsoapysdr-dev mesa-vulkan-drivers pkg-config python3 python3-venv
need_rust
# The software driver wants a runtime folder, and complains without one.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$(mktemp -d)}"

run "Rust: unit, integration and documentation tests" cargo test --locked --workspace --all-features
run "The same kernels on a second Vulkan driver" tools/swiftshader.sh \
  cargo test --locked -p phy-sec-kernels --features gpu --test gpu -- small_

if [ ! -x .venv/bin/python ]; then
  run "A Python environment in .venv" python3 -m venv .venv
fi
requirements=python/requirements-test.txt
if ! cmp -s $requirements .venv/installed.txt; then
  run "Python packages" .venv/bin/pip install --quiet --disable-pip-version-check -r $requirements
  cp $requirements .venv/installed.txt
fi
run "The Python package" env VIRTUAL_ENV="$PWD/.venv" .venv/bin/maturin develop --quiet --locked -m python/Cargo.toml
run "Python: tests" .venv/bin/python -m pytest -q python/tests
run "Notebooks, from top to bottom" .venv/bin/python -m pytest -q --nbmake notebooks
