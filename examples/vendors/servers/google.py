"""Admin SDK Directory: users, groups and members, with a service account's sign-in."""

import base64
import itertools
import json

from common import GONE, PAGE, Refused, route


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
        size, start = min(int(ask.query.get("maxResults", 100)), PAGE), int(ask.query.get("pageToken") or 0)
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
        groups = self.groups
        if "userKey" in ask.query:
            user = self.user(ask.query["userKey"])["id"]
            groups = [one for one in groups if user in self.members[one]]
        return self.page(ask, "groups", "groups", [self.group(one) for one in groups])

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
