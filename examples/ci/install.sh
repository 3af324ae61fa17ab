#!/usr/bin/env bash
# Installs dixaform of the version DIXAFORM_VERSION, unless it is there. That takes minutes: a runner or an image that
# has it already saves them.
set -euo pipefail

version=${DIXAFORM_VERSION:?the version of dixaform}
if [ "$(dixaform --version 2>/dev/null)" != "dixaform $version" ]; then
  cargo install dixaform --locked --git https://github.com/dixaform/dixaform --tag "v$version"
fi
dixaform --version
