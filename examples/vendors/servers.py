#!/usr/bin/env python3
"""Stand-ins for HiBob, Slack, Google Workspace, Okta, Ramp and a webhook receiver, on one port of this machine.

Each remembers what is written, answers and refuses as its vendor's documentation says, and knows no more than this example needs: for trying things out and for
tests, never for anybody's data. Standard library only. `servers.py [PORT]` prints the port once it listens; GET /requests shows what was asked.
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
LOCK = threading.RLock()
ASKED = []


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


class HiBob:
    """people/search, one person, e-mail, and the two dates that HR sets (hire again, terminate)."""

    def __init__(self):
        self.people = {}
        for number, first, last, department, title, manager in PEOPLE:
            self.people[f"{2000 + number}"] = {
                "id": f"{2000 + number}", "firstName": first, "surname": last, "displayName": f"{first} {last}",
                "email": f"{first}.{last}@acme.example".lower(),
                "work": {"employeeIdInCompany": number, "title": f"t{number}", "department": f"d-{department}", "startDate": "2024-02-01",
                         "reportsTo": manager and {"id": f"{2000 + manager}"}},
                "internal": {"status": "Active", "terminationDate": None},
                "humanReadable": {"work": {"title": title, "department": department}},
            }

    def answer(self, ask):
        if ask.basic() != ("service", "hibob-token"):
            raise Refused(401, {"key": "unauthorized", "error": "wrong service user"})
        if (ask.method, ask.path) == ("POST", "/v1/people/search"):
            return 200, {"employees": [self.shown(one, ask.body) for one in self.people.values() if self.wanted(one, ask.body)]}
        if found := re.fullmatch(r"/v1/people/(\d+)(/email)?", ask.path):
            person = self.people.get(found[1])
            if person is None:
                raise Refused(404, {"error": "no such employee"})
            if ask.method == "PUT":
                merge(person, ask.body)
                return 200, None
        if found := re.fullmatch(r"/v1/employees/(\d+)/(terminate|rehire|move)", ask.path):
            return self.lifecycle(self.people[found[1]], found[2], ask.body)
        raise Refused(404, {"error": "no such path"})

    @staticmethod
    def wanted(person, body):
        if not body.get("showInactive") and person["internal"]["status"] != "Active":
            return False
        tests = {"root.id": person["id"], "root.email": person["email"]}
        return all(tests[one["fieldPath"]] in one["values"] for one in body.get("filters", []))

    @staticmethod
    def shown(person, body):
        """Only fields that were asked for come."""
        asked = {field.removeprefix("root.") for field in body.get("fields", [])} | {"id"}
        shown = {name: value for name, value in person.items() if name in asked}
        for block in ("work", "internal"):
            part = {name: value for name, value in person[block].items() if f"{block}.{name}" in asked}
            if part:
                shown[block] = part
        if body.get("humanReadable") == "APPEND":
            shown["humanReadable"] = person["humanReadable"]
        return shown

    @staticmethod
    def lifecycle(person, verb, body):
        if verb == "terminate":
            person["internal"] = {"status": "Inactive", "terminationDate": body["terminationDate"]}
        elif verb == "rehire":
            person["internal"] = {"status": "Active", "terminationDate": None}
        else:
            person["humanReadable"]["work"].update(body)
        return 200, None


class Slack:
    """users.list, users.info, users.lookupByEmail and user groups; every answer is 200."""

    def __init__(self):
        self.members = {}
        for number, first, last, *_ in PEOPLE:
            self.members[f"U{number:03}"] = {
                "id": f"U{number:03}", "name": f"{first}.{last}".lower(), "deleted": False, "is_bot": False, "is_app_user": False,
                "is_restricted": False, "is_ultra_restricted": False, "tz": "Europe/Berlin",
                "profile": {"email": f"{first}.{last}@acme.example".lower(), "real_name": f"{first} {last}", "display_name": first.lower(),
                            "first_name": first, "last_name": last, "title": ""},
            }
        self.members["USLACKBOT"] = {"id": "USLACKBOT", "name": "slackbot", "deleted": False, "is_bot": False, "profile": {}}
        self.groups, self.next = {}, itertools.count(1)

    def answer(self, ask):
        if ask.bearer() != "xoxb-example":
            return 200, {"ok": False, "error": "invalid_auth"}
        asked = {**ask.query, **ask.body}
        verb = getattr(self, ask.path.removeprefix("/api/").replace(".", "_"), None)
        if verb is None:
            return 200, {"ok": False, "error": "unknown_method"}
        try:
            return 200, {"ok": True, **verb(asked)}
        except KeyError:
            missing = "no_such_subteam" if "usergroups" in ask.path else "user_not_found"
            return 200, {"ok": False, "error": missing}
        except Refused as refused:
            return refused.answer[:2]

    def users_list(self, asked):
        every = list(self.members.values())
        start, size = int(asked.get("cursor") or 0), min(int(asked.get("limit", 100)), 6)
        after = str(start + size) if start + size < len(every) else ""
        return {"members": every[start:start + size], "response_metadata": {"next_cursor": after}}

    def users_info(self, asked):
        return {"user": self.members[asked["user"]]}

    def users_lookupByEmail(self, asked):
        for member in self.members.values():
            if member["profile"].get("email") == asked["email"].lower():
                return {"user": member}
        raise Refused(200, {"ok": False, "error": "users_not_found"})

    def usergroups_list(self, asked):
        every = [one for one in self.groups.values() if asked.get("include_disabled") or not one["date_delete"]]
        return {"usergroups": every if asked.get("include_users") else [{**one, "users": []} for one in every]}

    def usergroups_create(self, asked):
        if any(one["name"] == asked["name"] for one in self.groups.values()):
            raise Refused(200, {"ok": False, "error": "name_already_exists"})
        group = {"id": f"S{next(self.next):03}", "name": asked["name"], "handle": asked.get("handle", ""), "date_delete": 0, "users": [],
                 "description": asked.get("description", ""), "is_external": False}
        self.groups[group["id"]] = group
        return {"usergroup": group}

    def usergroups_update(self, asked):
        group = self.groups[asked["usergroup"]]
        group.update({name: asked[name] for name in ("name", "handle", "description") if name in asked})
        return {"usergroup": group}

    def usergroups_disable(self, asked):
        self.groups[asked["usergroup"]]["date_delete"] = int(time.time())
        return {"usergroup": self.groups[asked["usergroup"]]}

    def usergroups_enable(self, asked):
        self.groups[asked["usergroup"]]["date_delete"] = 0
        return {"usergroup": self.groups[asked["usergroup"]]}

    def usergroups_users_list(self, asked):
        return {"users": self.groups[asked["usergroup"]]["users"]}

    def usergroups_users_update(self, asked):
        users = [one for one in asked["users"].split(",") if one]
        if not users or any(one not in self.members for one in users):
            raise Refused(200, {"ok": False, "error": "invalid_users" if users else "no_users_provided"})
        self.groups[asked["usergroup"]]["users"] = users
        return {"usergroup": self.groups[asked["usergroup"]]}


class Google:
    """Admin SDK Directory: users, groups and members, with a service account's sign-in."""

    def __init__(self):
        self.users, self.groups, self.members, self.next = {}, {}, {}, itertools.count(100000000000000000001)
        self.deleted = {}

    def answer(self, ask):
        if ask.path == "/token":
            return 200, self.token(ask)
        if ask.bearer() != "google-access":
            raise Refused(401, {"error": {"code": 401, "message": "Invalid Credentials", "errors": [{"reason": "authError"}]}})
        path = ask.path.removeprefix("/admin/directory/v1")
        routes = [
            (r"/users", {"GET": self.list_users, "POST": self.make_user}),
            (r"/users/([^/]+)/undelete", {"POST": self.undelete}),
            (r"/users/([^/]+)/signOut", {"POST": lambda _, key: (self.user(key), GONE)[1]}),
            (r"/users/([^/]+)", {"GET": lambda _, key: (200, self.user(key)), "PATCH": self.change_user, "DELETE": self.delete_user}),
            (r"/groups", {"GET": self.list_groups, "POST": self.make_group}),
            (r"/groups/([^/]+)/members", {"GET": self.list_members, "POST": self.add_member}),
            (r"/groups/([^/]+)/members/([^/]+)", {"DELETE": self.remove_member}),
            (r"/groups/([^/]+)", {"GET": lambda _, key: (200, self.group(key)), "PATCH": self.change_group, "DELETE": self.delete_group}),
        ]
        return route(routes, path, ask) or self.refuse(404, "notFound", "no such path")

    @staticmethod
    def refuse(status, reason, message):
        raise Refused(status, {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}})

    @staticmethod
    def token(ask):
        if ask.body.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise Refused(400, {"error": "unsupported_grant_type"})
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in ask.body["assertion"].split(".")[:2])
        sound = head["alg"] == "RS256" and claims["exp"] - claims["iat"] <= 3600 and claims.get("sub") and claims.get("scope")
        if not sound:
            raise Refused(400, {"error": "invalid_grant", "error_description": "Invalid JWT"})
        return {"access_token": "google-access", "expires_in": 3599, "token_type": "Bearer"}

    def page(self, ask, kind, name, every):
        size, start = min(int(ask.query.get("maxResults", 100)), 4), int(ask.query.get("pageToken") or 0)
        body = {"kind": f"admin#directory#{kind}"}
        if shown := every[start:start + size]:
            body[name] = shown
        if start + size < len(every):
            body["nextPageToken"] = str(start + size)
        return 200, body

    def user(self, key):
        for one in self.users.values():
            if key.lower() in (one["id"], one["primaryEmail"]):
                return one
        return self.refuse(404, "notFound", "Resource Not Found: userKey")

    def list_users(self, ask):
        if ask.query.get("showDeleted") == "true":
            return self.page(ask, "users", "users", list(self.deleted.values()))
        every = sorted(self.users.values(), key=lambda one: one["primaryEmail"])
        if search := ask.query.get("query"):
            field, _, value = search.partition("=")
            value = value.strip("'\"")
            known = {"externalId": lambda one: [each["value"] for each in one.get("externalIds", [])], "email": lambda one: [one["primaryEmail"]]}
            every = [one for one in every if value in known[field](one)]
        return self.page(ask, "users", "users", every)

    def make_user(self, ask):
        body = ask.body
        if any(name not in body for name in ("primaryEmail", "name", "password")):
            self.refuse(400, "required", "Missing required field")
        if any(one["primaryEmail"] == body["primaryEmail"].lower() for one in self.users.values()):
            self.refuse(409, "duplicate", "Entity already exists.")
        user = {"kind": "admin#directory#user", "suspended": False, "archived": False, "isAdmin": False, **body, "id": str(next(self.next))}
        user["primaryEmail"] = user["primaryEmail"].lower()
        del user["password"]
        self.users[user["id"]] = user
        return 200, user

    def change_user(self, ask, key):
        user = self.user(key)
        for name, value in ask.body.items():
            # Lists are replaced, and objects merged.
            user[name] = {**user.get(name, {}), **value} if isinstance(value, dict) else value
        return 200, user

    def delete_user(self, _, key):
        user = self.user(key)
        self.deleted[user["id"]] = self.users.pop(user["id"])
        for members in self.members.values():
            members.pop(user["id"], None)
        return GONE

    def undelete(self, _, key):
        if key not in self.deleted:
            self.refuse(404, "notFound", "Resource Not Found: userKey")
        self.users[key] = self.deleted.pop(key)
        return GONE

    def group(self, key):
        for one in self.groups.values():
            if key.lower() in (one["id"], one["email"]):
                return {**one, "directMembersCount": str(len(self.members[one["id"]]))}
        return self.refuse(404, "notFound", "Resource Not Found: groupKey")

    def list_groups(self, ask):
        return self.page(ask, "groups", "groups", [self.group(one) for one in self.groups])

    def make_group(self, ask):
        if any(one["email"] == ask.body["email"].lower() for one in self.groups.values()):
            self.refuse(409, "duplicate", "Entity already exists.")
        group = {"kind": "admin#directory#group", "name": ask.body["email"], "description": "", **ask.body, "id": f"g{next(self.next)}"}
        group["email"] = group["email"].lower()
        self.groups[group["id"]], self.members[group["id"]] = group, {}
        return 200, self.group(group["id"])

    def change_group(self, ask, key):
        self.groups[self.group(key)["id"]].update(ask.body)
        return 200, self.group(key)

    def delete_group(self, _, key):
        group = self.group(key)["id"]
        del self.groups[group], self.members[group]
        return GONE

    def list_members(self, ask, key):
        return self.page(ask, "members", "members", list(self.members[self.group(key)["id"]].values()))

    def add_member(self, ask, key):
        members, user = self.members[self.group(key)["id"]], self.user(ask.body.get("id") or ask.body["email"])
        if user["id"] in members:
            self.refuse(409, "duplicate", "Member already exists.")
        members[user["id"]] = {"kind": "admin#directory#member", "id": user["id"], "email": user["primaryEmail"], "role": "MEMBER", "type": "USER"}
        return 200, members[user["id"]]

    def remove_member(self, _, key, member):
        if self.members[self.group(key)["id"]].pop(member, None) is None:
            self.refuse(404, "notFound", "Resource Not Found: memberKey")
        return GONE


class Okta:
    """The management API: users with their lifecycle, groups and members; lists go on by Link."""

    def __init__(self):
        self.users, self.groups, self.members, self.next = {}, {}, {}, itertools.count(1)

    def answer(self, ask):
        if ask.headers.get("authorization") != "SSWS okta-token":
            raise Refused(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
        routes = [
            (r"/users", {"GET": self.list_users, "POST": self.make_user}),
            (r"/users/([^/]+)/lifecycle/(\w+)", {"POST": self.lifecycle}),
            (r"/users/([^/]+)/groups", {"GET": lambda ask, key: self.page(ask, [self.groups[one] for one in self.of(self.user(key)["id"])])}),
            (r"/users/([^/]+)/sessions", {"DELETE": lambda _, key: (self.user(key), GONE)[1]}),
            (r"/users/([^/]+)", {"GET": lambda _, key: (200, self.user(key)), "POST": self.change_user, "DELETE": self.delete_user}),
            (r"/groups", {"GET": self.list_groups, "POST": self.make_group}),
            (r"/groups/([^/]+)/users", {"GET": lambda ask, key: self.page(ask, [self.users[one] for one in self.members[self.group(key)["id"]]])}),
            (r"/groups/([^/]+)/users/([^/]+)", {"PUT": self.add_member, "DELETE": self.remove_member}),
            (r"/groups/([^/]+)", {"GET": lambda _, key: (200, self.group(key)), "PUT": self.change_group, "DELETE": self.delete_group}),
        ]
        answer = route(routes, ask.path.removeprefix("/api/v1"), ask)
        return answer or self.missing("path")

    @staticmethod
    def missing(what):
        raise Refused(404, {"errorCode": "E0000007", "errorSummary": f"Not found: Resource not found ({what})"})

    def of(self, user):
        return [group for group, members in self.members.items() if user in members]

    def page(self, ask, every):
        size, start = min(int(ask.query.get("limit", 200)), 4), int(ask.query.get("after") or 0)
        rest = "&".join(f"{name}={value}" for name, value in ask.query.items() if name not in ("after",))
        here = f"{ask.origin}/okta{ask.path}?{rest}".replace(" ", "%20").replace('"', "%22")
        links = [f'<{here}>; rel="self"']
        if start + size < len(every):
            links.append(f'<{here}&after={start + size}>; rel="next"')
        return 200, every[start:start + size], {"link": ", ".join(links)}

    def user(self, key):
        for one in self.users.values():
            if key in (one["id"], one["profile"]["login"]):
                return one
        return self.missing("User")

    def list_users(self, ask):
        every = list(self.users.values())
        if found := re.fullmatch(r'profile\.email eq "(.*)"', ask.query.get("filter", "")):
            every = [one for one in every if one["profile"].get("email") == found[1]]
        return self.page(ask, every)

    def make_user(self, ask):
        profile = ask.body["profile"]
        if any(one["profile"]["login"] == profile["login"] for one in self.users.values()):
            cause = [{"errorSummary": "login: An object with this field already exists in the current organization"}]
            raise Refused(400, {"errorCode": "E0000001", "errorSummary": "Api validation failed: login", "errorCauses": cause})
        status = "STAGED" if ask.query.get("activate") == "false" else "PROVISIONED"
        user = {"id": f"00u{next(self.next):05}", "status": status, "profile": profile}
        self.users[user["id"]] = user
        return 200, user

    def lifecycle(self, _, key, verb):
        user = self.user(key)
        user["status"] = {"deactivate": "DEPROVISIONED", "activate": "PROVISIONED", "suspend": "SUSPENDED", "unsuspend": "ACTIVE"}[verb]
        return 200, {}

    def change_user(self, ask, key):
        user = self.user(key)
        if user["status"] == "DEPROVISIONED":
            raise Refused(403, {"errorCode": "E0000038", "errorSummary": "This operation is not allowed in the user's current status."})
        user["profile"].update(ask.body["profile"])
        return 200, user

    def delete_user(self, _, key):
        user = self.user(key)
        if user["status"] != "DEPROVISIONED":
            user["status"] = "DEPROVISIONED"
            return GONE
        del self.users[user["id"]]
        for members in self.members.values():
            members.pop(user["id"], None)
        return GONE

    def group(self, key):
        return self.groups.get(key) or self.missing("UserGroup")

    def list_groups(self, ask):
        every = list(self.groups.values())
        if found := re.fullmatch(r'profile\.name eq "(.*)"', ask.query.get("search", "")):
            every = [one for one in every if one["profile"]["name"] == found[1]]
        return self.page(ask, every)

    def make_group(self, ask):
        group = {"id": f"00g{next(self.next):05}", "type": "OKTA_GROUP", "profile": ask.body["profile"]}
        self.groups[group["id"]], self.members[group["id"]] = group, {}
        return 200, group

    def change_group(self, ask, key):
        self.group(key)["profile"] = ask.body["profile"]
        return 200, self.group(key)

    def delete_group(self, _, key):
        self.group(key)
        del self.groups[key], self.members[key]
        return GONE

    def add_member(self, _, key, user):
        self.members[self.group(key)["id"]][self.user(user)["id"]] = True
        return GONE

    def remove_member(self, _, key, user):
        self.members[self.group(key)["id"]].pop(user, None)
        return GONE


class Ramp:
    """Users and spending limits; whatever is made is a task that is asked for."""

    def __init__(self):
        self.users, self.limits, self.tasks, self.next = {}, {}, {}, itertools.count(1)
        self.done = {}

    def answer(self, ask):
        path = ask.path.removeprefix("/developer/v1")
        if path == "/token":
            if ask.basic() != ("ramp-client", "ramp-secret") or ask.body.get("grant_type") != "client_credentials":
                raise Refused(401, {"error": "invalid_client"})
            return 200, {"access_token": "ramp-access", "expires_in": 864000, "scope": ask.body.get("scope", ""), "token_type": "Bearer"}
        if ask.bearer() != "ramp-access":
            raise Refused(401, {"error_v2": {"error_code": "DEVELOPER_7001", "message": "The access token is invalid."}})
        routes = [
            (r"/users/?", {"GET": lambda ask: self.page(ask, self.found(ask))}),
            (r"/users/deferred", {"POST": self.make_user}),
            (r"/(?:users|limits)/deferred/status/([^/]+)", {"GET": lambda _, task: (200, self.tasks[task])}),
            (r"/users/([^/]+)/(deactivate|reactivate)", {"PATCH": self.lifecycle}),
            (r"/users/([^/]+)", {"GET": lambda _, key: (200, self.one(self.users, key)), "PATCH": self.change_user}),
            (r"/limits/?", {"GET": lambda ask: self.page(ask, list(self.limits.values()))}),
            (r"/limits/deferred", {"POST": self.make_limit}),
            (r"/limits/([^/]+)/(suspension|unsuspension)", {"POST": self.suspend_limit}),
            (r"/limits/([^/]+)/deferred/termination", {"POST": self.end_limit}),
            (r"/limits/([^/]+)", {"GET": lambda _, key: (200, self.one(self.limits, key)), "PATCH": self.change_limit}),
        ]
        return route(routes, path, ask) or self.missing()

    @staticmethod
    def missing():
        raise Refused(404, {"error_v2": {"error_code": "DEVELOPER_7071", "message": "The requested resource was not found."}})

    def one(self, every, key):
        return every.get(key) or self.missing()

    def page(self, ask, every):
        size, start = min(int(ask.query.get("page_size", 20)), 4), ask.query.get("start")
        ids = [one["id"] for one in every]
        first = ids.index(start) + 1 if start else 0
        shown, after = every[first:first + size], None
        if first + size < len(every):
            after = f"{ask.origin}/ramp{ask.path}?page_size={size}&start={shown[-1]['id']}"
        return 200, {"data": shown, "page": {"next": after}}

    def found(self, ask):
        return [one for one in self.users.values() if ask.query.get("email") in (None, one["email"])]

    def task(self, ask, make):
        """The same key is the same task."""
        key = ask.body["idempotency_key"]
        if key not in self.done:
            self.done[key] = f"task-{next(self.next)}"
            self.tasks[self.done[key]] = {"id": self.done[key], "status": "SUCCESS", "data": make()}
        return 201, {"id": self.done[key]}

    def make_user(self, ask):
        body = ask.body
        if any(name not in body for name in ("email", "first_name", "last_name", "role")):
            raise Refused(422, {"error_v2": {"error_code": "DEVELOPER_7001", "message": "Missing data for required field."}})
        if any(one["email"] == body["email"] for one in self.users.values()):
            raise Refused(400, {"error_v2": {"error_code": "DEVELOPER_7057", "message": "A user with this email already exists."}})

        def make():
            names = ("email", "first_name", "last_name", "role", "department_id", "location_id")
            user = {name: body.get(name) for name in names}
            user |= {"id": f"ru-{next(self.next):04}", "manager_id": body.get("direct_manager_id"), "status": "INVITE_PENDING", "employee_id": None}
            self.users[user["id"]] = user
            return {"user_id": user["id"]}

        return self.task(ask, make)

    def lifecycle(self, _, key, verb):
        self.one(self.users, key)["status"] = "USER_INACTIVE" if verb == "deactivate" else "USER_ACTIVE"
        return 200, None

    def change_user(self, ask, key):
        user, body = self.one(self.users, key), dict(ask.body)
        if "direct_manager_id" in body:
            body["manager_id"] = body.pop("direct_manager_id")
        user.update(body)
        return 200, user

    def make_limit(self, ask):
        body = ask.body
        user = self.one(self.users, body["user_id"])

        def make():
            limit = {"id": f"rl-{next(self.next):04}", "state": "ACTIVE", "spend_program_id": body.get("spend_program_id"),
                     "display_name": body.get("display_name"), "has_program_overridden": False, "users": [{"user_id": user["id"]}],
                     "restrictions": dict(body.get("spending_restrictions", {}))}
            self.limits[limit["id"]] = limit
            return {"spend_limit_id": limit["id"]}

        return self.task(ask, make)

    def change_limit(self, ask, key):
        limit, body = self.one(self.limits, key), dict(ask.body)
        merge(limit["restrictions"], body.pop("spending_restrictions", {}))
        limit.update(body)
        return 200, limit

    def suspend_limit(self, _, key, verb):
        self.one(self.limits, key)["state"] = "SUSPENDED" if verb == "suspension" else "ACTIVE"
        return 200, None

    def end_limit(self, ask, key):
        def make():
            self.one(self.limits, key)["state"] = "TERMINATED"
            return {}

        return self.task(ask, make)


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


VENDORS = {"hibob": HiBob(), "slack": Slack(), "google": Google(), "okta": Okta(), "ramp": Ramp(), "hook": Receiver()}


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
            try:
                answer = VENDORS[vendor].answer(ask) if vendor in VENDORS else (404, None)
            except Refused as refused:
                answer = refused.answer
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
