"""users.list, users.info, users.lookupByEmail and user groups; every answer is 200."""

import itertools
import time

from common import PAGE, PEOPLE, Refused


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
        start, size = int(asked.get("cursor") or 0), min(int(asked.get("limit", 100)), PAGE)
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
