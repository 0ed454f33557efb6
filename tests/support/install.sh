# SPDX-License-Identifier: BSL-1.0
# For the scripts that people run: installs Debian packages, and only those that are missing.

packages_for_build() { echo "g++ cmake ninja-build libasio-dev node-llhttp python3 ca-certificates"; }
packages_for_examples() { echo "$(packages_for_build) nlohmann-json3-dev libssl-dev zlib1g-dev"; }
packages_for_tests() { echo "$(packages_for_examples) libgtest-dev curl nginx-light nodejs"; }

# install_missing "PACKAGE PACKAGE ..."
install_missing() {
  local missing=() package as_root=()
  if ! command -v dpkg-query > /dev/null; then
    echo "This script installs packages on Debian and Ubuntu only. Needed here: $1"
    return 0
  fi
  for package in $1; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} != 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || { echo "Missing packages: ${missing[*]}. Install them, or run this as root."; return 1; }
    as_root=(sudo)
  fi
  echo "== Installing: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# try_to_install "PACKAGE ...": as install_missing, but goes on without them.
try_to_install() { (install_missing "$1") 2> /dev/null || echo "These cannot be installed here, so what needs them is skipped: $1"; }
