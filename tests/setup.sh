#!/usr/bin/env bash
# Installs what the tests need beside Rust: scim2-server and Django, in a virtual environment below target/.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${HEADCOUNT_TEST_VENV:-target/test-venv}
if [ ! -x "$venv/bin/scim2-server" ] || [ ! -x "$venv/bin/django-admin" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'scim2-server==0.8.3' 'django==5.2.*'
fi
