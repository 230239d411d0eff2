#!/usr/bin/env bash
# One archive of a release: the binary, its manual pages and completions, the licence.
#   packaging/archive.sh VERSION TARGET BINARY
set -euo pipefail
version=$1 target=$2 binary=$(realpath "$3")
cd "$(dirname "$0")/.."
name=headcount-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions" "$work/$name/man"
install -m 755 "$binary" "$work/$name/headcount"
cp LICENSE README.md CHANGELOG.md "$work/$name"
"$binary" man --out "$work/$name/man"
for shell in bash zsh fish powershell elvish; do
  "$binary" completions "$shell" >"$work/$name/completions/headcount.$shell"
done
mkdir -p dist
# The same content gives the same archive: no times, no owners, one order.
if tar --version 2>/dev/null | grep -q GNU; then
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work" -cf - "$name" | gzip -n >"dist/$name.tar.gz"
else
  COPYFILE_DISABLE=1 tar -C "$work" -cf - "$name" | gzip -n >"dist/$name.tar.gz"
fi
echo "dist/$name.tar.gz"
