"""Stand-ins for HiBob, BambooHR, a Workday report, Slack, Google Workspace, Okta, Microsoft Graph, GitHub, Ramp and a webhook receiver, on one port of this machine.

Each remembers what is written, answers and refuses as its vendor's documentation says, and knows no more than this example and its tests need: for trying things
out, never for anybody's data. Standard library only. `python3 servers [PORT]` prints the port once it listens; GET /requests shows what was asked. At HR systems
POST /VENDOR/hands are HR's own hands (somebody comes, or is otherwise from now on), and GET /VENDOR/hands says what stands there in a few words. EXCHANGES=FILE
takes a line of JSON for each exchange, for `tests/specifications.py --exchanges`.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bamboohr import BambooHR
from common import Ask, Refused
from entra import Entra
from github import GitHub
from google import Google
from hibob import HiBob
from okta import Okta
from ramp import Ramp
from receiver import Receiver
from slack import Slack
from workday import Workday

LOCK = threading.RLock()
ASKED = []
VENDORS = {"hibob": HiBob(), "bamboohr": BambooHR(), "workday": Workday(), "slack": Slack(), "google": Google(), "okta": Okta(), "entra": Entra(),
           "github": GitHub(), "ramp": Ramp(), "hook": Receiver()}
EXCHANGES = os.environ.get("EXCHANGES")


def answered(vendor, ask):
    """What a vendor says, or HR's own hands do."""
    if ask.path == "/hands":
        return (200, VENDORS[vendor].stands()) if ask.method == "GET" else (200, VENDORS[vendor].hire(**ask.body))
    try:
        answer = VENDORS[vendor].answer(ask) if vendor in VENDORS else (404, None)
    except Refused as refused:
        answer = refused.answer
    except (KeyError, TypeError, ValueError) as wrong:
        answer = 400, {"error": f"not as this stand-in expects it: {wrong!r}"}
    if EXCHANGES:
        kind = "form" if "form" in ask.headers.get("content-type", "") else "body"
        sent = {kind: ask.body} if ask.raw else {}
        line = {"vendor": vendor, "verb": ask.method.lower(), "path": ask.path, "query": ask.query, **sent, "answer": {"status": answer[0], "body": answer[1]}}
        with open(EXCHANGES, "a") as out:
            out.write(json.dumps(line) + "\n")
    return answer


class Handler(BaseHTTPRequestHandler):
    """The first part of a path names the vendor."""

    protocol_version = "HTTP/1.1"

    def serve(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/requests":
            return self.reply(200, ASKED)
        _, vendor, rest = (self.path.split("/", 2) + ["", ""])[:3]
        ask = Ask(self.command, "/" + rest, headers, raw)
        with LOCK:
            ASKED.append(f"{self.command} {self.path}")
            answer = answered(vendor, ask)
        return self.reply(*answer)

    def reply(self, status, body, headers=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
