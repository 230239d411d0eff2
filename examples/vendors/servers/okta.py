"""The management API: users with their lifecycle, groups and members; lists go on by Link."""

import itertools
import re

from common import GONE, PAGE, Refused, route


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
        size, start = min(int(ask.query.get("limit", 200)), PAGE), int(ask.query.get("after") or 0)
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
