"""Waits for both SCIM servers, and puts people into the directory. python fill.py FILE"""

import os
import sys
import time
import urllib.error
import urllib.request


def ask(name, path, body=None):
    url = f"http://127.0.0.1:{os.environ[f'ACME_{name}_PORT']}/v2/{path}"
    token = os.environ[f"ACME_{name}_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    return urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30).read()


for name in ("DIRECTORY", "CHAT"):
    for attempt in range(600):
        try:
            ask(name, "ServiceProviderConfig")
            break
        except urllib.error.URLError:
            time.sleep(0.1)
for line in open(sys.argv[1], "rb"):
    ask("DIRECTORY", "Users", line)
