"""An application without an API: it hears of changes (Standard Webhooks), and believes no message that is not signed."""

import base64
import hashlib
import hmac
import json
import time

from common import GONE, Refused


class Receiver:
    """An application without an API: it hears of changes (Standard Webhooks), and believes no message that is not signed."""

    SECRET = b"a secret that only the two of us know"

    def __init__(self):
        self.seen, self.events = set(), []

    def answer(self, ask):
        if ask.method == "GET":
            return 200, self.events
        name, at = ask.headers.get("webhook-id", ""), ask.headers.get("webhook-timestamp", "0")
        signed = base64.b64encode(hmac.new(self.SECRET, f"{name}.{at}.".encode() + ask.raw, hashlib.sha256).digest()).decode()
        given = [one.partition(",")[2] for one in ask.headers.get("webhook-signature", "").split()]
        if not any(hmac.compare_digest(signed, one) for one in given) or abs(time.time() - int(at)) > 300:
            raise Refused(401, {"error": "the signature is not right"})
        if name not in self.seen:
            self.seen.add(name)
            self.events.append(json.loads(ask.raw))
        return GONE
