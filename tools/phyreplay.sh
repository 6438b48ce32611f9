#!/usr/bin/env bash
# Builds the replay device as a plug-in of SoapySDR, for SoapySDRUtil, GNU Radio and every other program that uses it.
#
#   tools/phyreplay.sh FOLDER
#   SOAPY_SDR_PLUGIN_PATH=FOLDER SoapySDRUtil --probe="driver=phyreplay"
set -euo pipefail
folder="${1:?usage: tools/phyreplay.sh FOLDER}"
sources="$(cd "$(dirname "$0")/../sdr-io/phyreplay" && pwd)"
mkdir -p "$folder"
# shellcheck disable=SC2046 # flags are several words
"${CXX:-c++}" -std=c++17 -O2 -Wall -Wextra -fPIC -shared -o "$folder/libphyreplay.so" "$sources"/{device,ether,signal}.cpp \
  $(pkg-config --cflags --libs SoapySDR)
echo "$folder/libphyreplay.so"
