#!/usr/bin/env bash
# Installs the version DIXAFORM_VERSION of dixaform, unless it is installed. That takes minutes; to save them, use a runner
# or an image that has it.
set -euo pipefail

version=${DIXAFORM_VERSION:?the version of dixaform}
if [ "$(dixaform --version 2>/dev/null)" != "dixaform $version" ]; then
  cargo install dixaform --locked --git https://github.com/dixaform/dixaform --tag "v$version"
fi
dixaform --version
