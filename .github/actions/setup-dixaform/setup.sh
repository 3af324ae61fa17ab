#!/bin/sh
# Installs one version of dixaform in a few seconds, for the action beside it and for jobs of GitLab:
#
#   DIXAFORM_VERSION    the version, such as 0.1.0
#   DIXAFORM_SHA256     the SHA-256 of dixaform-VERSION-checksums.txt of that release, which its notes name. It pins the
#                       archives of all platforms.
#   DIXAFORM_BIN        the folder for the program
#   DIXAFORM_RELEASES   where releases are, if not on GitHub: a mirror, for machines without the internet
#
# Nothing is unpacked before its digest is known to be right.
set -eu

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

version=${DIXAFORM_VERSION:?the version of dixaform}
sha256=${DIXAFORM_SHA256:?the SHA-256 of dixaform-$version-checksums.txt, from the notes of the release}
bin=${DIXAFORM_BIN:?the folder for the program}
releases=${DIXAFORM_RELEASES:-https://github.com/dixaform/dixaform/releases/download}
case $version in '' | *[!0-9A-Za-z.-]*) fail "$version is not a version" ;; esac

case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no release for $(uname -m)" ;;
esac
kind=tar.gz program=dixaform
case $(uname -s) in
  Linux)
    # One for musl is static, and runs anywhere; one for glibc is quicker with many threads.
    if getconf GNU_LIBC_VERSION >/dev/null 2>&1; then system=unknown-linux-gnu; else system=unknown-linux-musl; fi
    ;;
  Darwin) system=apple-darwin ;;
  MINGW* | MSYS* | CYGWIN*) system=pc-windows-msvc machine=x86_64 kind=zip program=dixaform.exe ;;
  *) fail "there is no release for $(uname -s)" ;;
esac
name=dixaform-$version-$machine-$system

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

download() {
  url=$releases/v$version/$1
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$folder/$1" "$url"
  else
    wget -q -T 300 -O "$folder/$1" "$url"
  fi || fail "$url can't be downloaded"
}

digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

check() {
  actual=$(digest "$folder/$1")
  [ "$actual" = "$2" ] || fail "$1 has the SHA-256 $actual, and not $2: it is not what was pinned, and nothing was installed"
}

checksums=dixaform-$version-checksums.txt
download "$checksums"
check "$checksums" "$sha256"
expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name\.$kind\$/\1/p" "$folder/$checksums")
[ -n "$expected" ] || fail "$checksums has no $name.$kind"
download "$name.$kind"
check "$name.$kind" "$expected"

if [ "$kind" = zip ]; then unzip -q "$folder/$name.zip" -d "$folder"; else tar -xzf "$folder/$name.tar.gz" -C "$folder"; fi
mkdir -p "$bin"
mv "$folder/$name/$program" "$bin/$program"
"$bin/$program" --version
