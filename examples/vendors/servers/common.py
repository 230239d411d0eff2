"""What the stand-ins share: a request, a refusal, routes, and the people of Acme."""

import base64
import json
import os
import re
from urllib.parse import parse_qs, unquote, urlsplit

PEOPLE = [
    # number, first, last, department, title, manager's number
    (1, "Grace", "Mbeki", "Executive", "Chief executive", None),
    (2, "Ada", "Lindqvist", "Engineering", "Head of engineering", 1),
    (3, "Omar", "Haddad", "Engineering", "Engineer", 2),
    (4, "Mei", "Tanaka", "Engineering", "Engineer", 2),
    (5, "Ivo", "Novak", "Engineering", "Site reliability engineer", 2),
    (6, "Rosa", "Ferreira", "Sales", "Head of sales", 1),
    (7, "Tom", "Okafor", "Sales", "Account manager", 6),
    (8, "Lena", "Vogel", "Sales", "Account manager", 6),
    (9, "Sam", "Kowalski", "Finance", "Controller", 1),
    (10, "Noor", "Aziz", "Finance", "Accountant", 9),
]
GONE = 204, None


def address(first, last):
    """The address that HR gave somebody."""
    return f"{first}.{last}@acme.example".lower()


# No page is longer, whatever is asked for: so that ten people are several.
PAGE = int(os.environ.get("PAGE", "4"))


class Refused(Exception):
    """An answer that is a refusal."""

    def __init__(self, status, body, headers=()):
        super().__init__(status)
        self.answer = (status, body, dict(headers))


class Ask:
    """One request."""

    def __init__(self, method, path, headers, raw):
        parts = urlsplit(path)
        self.method, self.path, self.headers, self.raw = method, unquote(parts.path), headers, raw
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.origin = "http://" + headers.get("host", "localhost")
        sent = headers.get("content-type", "")
        if sent.startswith("application/json") and raw:
            self.body = json.loads(raw)
        elif sent.startswith("application/x-www-form-urlencoded"):
            self.body = {name: values[-1] for name, values in parse_qs(raw.decode(), keep_blank_values=True).items()}
        else:
            self.body = {}

    def basic(self):
        """User and password, or nothing."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return tuple(base64.b64decode(value).decode().split(":", 1)) if kind == "Basic" else None

    def bearer(self):
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value if kind == "Bearer" else None


def merge(into, changes):
    """Nested objects are merged; a dotted name leads into one."""
    for name, value in changes.items():
        block, _, rest = name.partition(".")
        if rest:
            merge(into.setdefault(block, {}), {rest: value})
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def route(routes, path, ask):
    """The answer of the first route that fits, or nothing."""
    for pattern, verbs in routes:
        if (found := re.fullmatch(pattern, path)) and ask.method in verbs:
            return verbs[ask.method](ask, *found.groups())
    return None
