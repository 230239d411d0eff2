#!/usr/bin/env bash
# Installs what the tests need beside Rust, below target/: scim2-server, Django and PyYAML in a virtual environment, and the files of a real organisation.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${HEADCOUNT_TEST_VENV:-target/test-venv}
if [ ! -x "$venv/bin/scim2-server" ] || [ ! -x "$venv/bin/django-admin" ] || ! "$venv/bin/python" -c 'import yaml' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'scim2-server==0.8.3' 'django==5.2.*' 'pyyaml==6.*'
fi

# A real organisation, for tests/kubernetes_org.rs: used from beside the repository where it is there.
if [ ! -e ../shared/data/kubernetes-org ] && [ ! -e target/test-data/kubernetes-org ]; then
  git clone --quiet --depth 1 https://github.com/kubernetes/org target/test-data/kubernetes-org
fi
