#!/usr/bin/env bash
# Installs a released headcount, after its archive was held against the release's list of checksums.
#   HEADCOUNT_VERSION   0.1.0; which one
#   HEADCOUNT_SHA256    what the archive must be, where you keep that yourself: then nobody who can change the release can change what runs
#   HEADCOUNT_RELEASES  where releases are, for a mirror [default: the project's]
#   HEADCOUNT_BIN       where the binary goes [default: ~/.local/bin]
set -euo pipefail

version=${HEADCOUNT_VERSION:?which version, such as 0.1.0}
releases=${HEADCOUNT_RELEASES:-https://github.com/headcount-dev/headcount/releases/download}
bin=${HEADCOUNT_BIN:-$HOME/.local/bin}

fail() {
  echo "headcount: $*" >&2
  exit 1
}

case $version in
  *[!0-9A-Za-z.-]*) fail "$version is no version: it is written 0.1.0" ;;
esac

case "$(uname -s)/$(uname -m)" in
  Linux/x86_64) target=x86_64-unknown-linux-musl ;;
  Linux/aarch64 | Linux/arm64) target=aarch64-unknown-linux-musl ;;
  Darwin/x86_64) target=x86_64-apple-darwin ;;
  Darwin/arm64) target=aarch64-apple-darwin ;;
  *) fail "there is no binary for $(uname -s) on $(uname -m): build it with cargo install" ;;
esac

# Only a mirror that is named may be something else than HTTPS.
protocols='=https'
[ -z "${HEADCOUNT_RELEASES:-}" ] || protocols='=https,http,file'
fetch() { # URL FILE
  curl --fail --silent --show-error --location --proto "$protocols" --proto-redir '=https' --retry 3 --max-filesize 200000000 --output "$2" "$1" ||
    fail "can't fetch $1: is there a release $version, and is the host reached from here?"
}

sum() { # FILE
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=headcount-$version-$target
fetch "$releases/v$version/$name.tar.gz" "$work/archive"
fetch "$releases/v$version/SHA256SUMS" "$work/sums"

is=$(sum "$work/archive")
listed=$(awk -v name="$name.tar.gz" '$2 == name || $2 == "*" name { print $1 }' "$work/sums")
[ -n "$listed" ] || fail "SHA256SUMS of $version has no line for $name.tar.gz: nothing was installed"
[ "$is" = "$listed" ] || fail "$name.tar.gz is $is and should be $listed: nothing was installed; it was changed or cut off on the way"
if [ -n "${HEADCOUNT_SHA256:-}" ] && [ "$is" != "$HEADCOUNT_SHA256" ]; then
  fail "$name.tar.gz is $is and not the $HEADCOUNT_SHA256 that you ask for: nothing was installed"
fi

tar -xzf "$work/archive" -C "$work" "$name/headcount"
mkdir -p "$bin"
install -m 755 "$work/$name/headcount" "$bin/headcount"
echo "$bin/headcount: $("$bin/headcount" --version)"
