"""Copies the example, moves its dates and chooses free ports and tokens. python prepare.py FROM TO"""

import datetime
import pathlib
import re
import secrets
import shutil
import socket
import sqlite3
import sys

source, work = map(pathlib.Path, sys.argv[1:])
WRITTEN = datetime.date(2026, 11, 22)
MOVED = {"users.yaml", "groups.yaml", "entitlements.yaml", "revocations.yaml", "people.csv"}


def moved(match):
    day = datetime.date.fromisoformat(match[0])
    return str(day + (datetime.date.today() - WRITTEN)) if day >= WRITTEN else match[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


shutil.copytree(source, work, ignore=shutil.ignore_patterns(".*", "run", "*.py", "README.md"))
ports = {"8651": free_port(), "8652": free_port()}
for path in work.rglob("*"):
    if not path.is_file():
        continue
    text = path.read_text(encoding="utf-8")
    if path.name in MOVED:
        text = re.sub(r"20\d\d-\d\d-\d\d", moved, text)
    if path.suffix == ".yaml":
        for written, free in ports.items():
            text = text.replace(f"127.0.0.1:{written}/", f"127.0.0.1:{free}/")
    path.write_text(text, encoding="utf-8")
sqlite3.connect(work / "app.db").executescript((work / "app.sql").read_text(encoding="utf-8"))
(work / "environment").write_text(
    f"export ACME_DIRECTORY_PORT={ports['8651']} ACME_DIRECTORY_TOKEN={secrets.token_hex(16)}\n"
    f"export ACME_CHAT_PORT={ports['8652']} ACME_CHAT_TOKEN={secrets.token_hex(16)}\n"
)
