"""Microsoft Graph: users with their managers and licences, groups and members; only what is selected comes, and lists go on by @odata.nextLink."""

import re
import uuid
from urllib.parse import quote

from common import GONE, PAGE, Refused, merge, route

TEXTS = ("userPrincipalName displayName givenName surname mailNickname employeeId jobTitle department companyName employeeType employeeHireDate "
         "usageLocation mobilePhone").split()
ON_PREMISES = [f"extensionAttribute{at}" for at in range(1, 16)]
# What comes of a user for whom nothing is selected: neither whether there is access, nor the mark.
USUAL = "id,businessPhones,displayName,givenName,jobTitle,mail,mobilePhone,officeLocation,preferredLanguage,surname,userPrincipalName"
GROUP = ["displayName", "description", "mailEnabled", "securityEnabled", "mailNickname", "groupTypes"]


class Entra:
    """Microsoft Graph v1.0."""

    def __init__(self):
        self.users, self.groups, self.members = {}, {}, {}

    def answer(self, ask):
        if ask.path.endswith("/oauth2/v2.0/token"):
            if (ask.body.get("client_id"), ask.body.get("client_secret")) != ("entra-client", "entra-secret"):
                raise Refused(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
            return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "entra-access"}
        if ask.bearer() != "entra-access":
            self.refuse(401, "InvalidAuthenticationToken", "Access token is empty.")
        routes = [
            (r"/users", {"GET": lambda ask: self.page(ask, self.found(ask, self.users)), "POST": self.make_user}),
            (r"/users/([^/]+)/manager/\$ref", {"PUT": self.set_manager, "DELETE": self.drop_manager}),
            (r"/users/([^/]+)/memberOf/microsoft\.graph\.group", {"GET": self.member_of}),
            (r"/users/([^/]+)/assignLicense", {"POST": self.assign}),
            (r"/users/([^/]+)/revokeSignInSessions", {"POST": lambda _, key: (200, {"value": self.one(self.users, key) is not None})}),
            (r"/users/([^/]+)", {"GET": lambda ask, key: (200, self.shown(ask, self.one(self.users, key))), "PATCH": self.change_user, "DELETE": self.delete_user}),
            (r"/groups", {"GET": lambda ask: self.page(ask, self.found(ask, self.groups)), "POST": self.make_group}),
            (r"/groups/([^/]+)/members", {"GET": lambda ask, key: self.page(ask, [self.member(one) for one in self.members[self.one(self.groups, key)["id"]]])}),
            (r"/groups/([^/]+)/members/\$ref", {"POST": self.add_member}),
            (r"/groups/([^/]+)/members/([^/]+)/\$ref", {"DELETE": self.remove_member}),
            (r"/groups/([^/]+)", {"GET": lambda ask, key: (200, self.shown(ask, self.one(self.groups, key))), "PATCH": self.change_group, "DELETE": self.delete_group}),
        ]
        return route(routes, ask.path.removeprefix("/v1.0"), ask) or self.refuse(404, "ResourceNotFound", "no such path")

    @staticmethod
    def refuse(status, code, message):
        raise Refused(status, {"error": {"code": code, "message": message}})

    def one(self, every, key):
        return every.get(key) or self.refuse(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")

    def shown(self, ask, record):
        asked = ask.query.get("$select", USUAL if "userPrincipalName" in record else ",".join(record))
        shown = {name: value for name, value in record.items() if name in asked.split(",")}
        manager = record.get("manager")
        shown.pop("manager", None)
        if manager and ask.query.get("$expand", "").startswith("manager"):
            shown["manager"] = {"@odata.type": "#microsoft.graph.user", "id": manager}
        return shown

    def page(self, ask, every):
        size, start = min(int(ask.query.get("$top", 100)), PAGE), int(ask.query.get("$skiptoken") or 0)
        body = {"value": [self.shown(ask, one) if "@odata.type" not in one else one for one in every[start:start + size]]}
        if start + size < len(every):
            rest = "&".join(f"{quote(name)}={quote(value)}" for name, value in ask.query.items() if name != "$skiptoken")
            body["@odata.nextLink"] = f"{ask.origin}/entra{quote(ask.path)}?{rest}&$skiptoken={start + size}"
        return 200, body

    @staticmethod
    def found(ask, every):
        found = re.fullmatch(r"([\w/]+) eq '(.*)'", ask.query.get("$filter", ""))
        if not found:
            return list(every.values())
        value = found[2].replace("''", "'").lower()
        field, _, below = found[1].partition("/")
        if below and (ask.headers.get("consistencylevel") != "eventual" or ask.query.get("$count") != "true"):
            raise Refused(400, {"error": {"code": "Request_UnsupportedQuery", "message": "Unsupported or invalid query filter clause specified."}})
        said = lambda one: (one.get(field) or {}).get(below) if below else one.get(field)
        return [one for one in every.values() if str(said(one) or "").lower() == value]

    def sound(self, body):
        known = {*TEXTS, "accountEnabled", "passwordProfile", "businessPhones", "onPremisesExtensionAttributes"}
        for name, value in body.items():
            if name not in known or value == "" or (name == "businessPhones" and len(value) > 1):
                self.refuse(400, "Request_BadRequest", f"Invalid value specified for property '{name}' of resource 'User'.")
        for name in body.get("onPremisesExtensionAttributes") or {}:
            if name not in ON_PREMISES:
                self.refuse(400, "Request_BadRequest", f"'{name}' is no extension attribute")

    def make_user(self, ask):
        self.sound(ask.body)
        if any(not ask.body.get(name) for name in ("displayName", "mailNickname", "userPrincipalName", "passwordProfile")) or "accountEnabled" not in ask.body:
            self.refuse(400, "Request_BadRequest", "A value is required for property of resource 'User'.")
        if any(one["userPrincipalName"].lower() == ask.body["userPrincipalName"].lower() for one in self.users.values()):
            self.refuse(400, "Request_BadRequest", "Another object with the same value for property userPrincipalName already exists.")
        user = {name: None for name in TEXTS} | {"mail": None, "businessPhones": [], "userType": "Member", "onPremisesSyncEnabled": None, "licenseAssignmentStates": []}
        user |= {"onPremisesExtensionAttributes": dict.fromkeys(ON_PREMISES), "id": str(uuid.uuid4()), "manager": None}
        merge(user, {name: value for name, value in ask.body.items() if name != "passwordProfile"})
        self.users[user["id"]] = user
        return 201, user

    def change_user(self, ask, key):
        self.sound(ask.body)
        merge(self.one(self.users, key), ask.body)
        return GONE

    def delete_user(self, _, key):
        del self.users[self.one(self.users, key)["id"]]
        for user in self.users.values():
            user["manager"] = None if user["manager"] == key else user["manager"]
        for members in self.members.values():
            members.pop(key, None)
        return GONE

    def set_manager(self, ask, key):
        manager = ask.body["@odata.id"].rsplit("/", 1)[1]
        self.one(self.users, key)["manager"] = self.one(self.users, manager)["id"]
        return GONE

    def drop_manager(self, _, key):
        user = self.one(self.users, key)
        if not user["manager"]:
            self.refuse(404, "Request_ResourceNotFound", "Resource 'manager' does not exist.")
        user["manager"] = None
        return GONE

    def assign(self, ask, key):
        states = self.one(self.users, key)["licenseAssignmentStates"]
        states[:] = [one for one in states if one["skuId"] not in ask.body["removeLicenses"]]
        states.extend({"skuId": one["skuId"], "assignedByGroup": None, "state": "Active"} for one in ask.body["addLicenses"])
        return 200, self.users[key]

    def make_group(self, ask):
        if any(ask.body.get(name) in (None, "") for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled")):
            self.refuse(400, "Request_BadRequest", "A value is required for property of resource 'Group'.")
        group = {"description": None, "groupTypes": [], "onPremisesSyncEnabled": None, **{name: ask.body[name] for name in ask.body if name in GROUP}}
        group["id"] = str(uuid.uuid4())
        self.groups[group["id"]], self.members[group["id"]] = group, {}
        return 201, group

    def change_group(self, ask, key):
        merge(self.one(self.groups, key), ask.body)
        return GONE

    def delete_group(self, _, key):
        del self.groups[self.one(self.groups, key)["id"]], self.members[key]
        return GONE

    def member(self, key):
        return {"@odata.type": "#microsoft.graph.user", "id": key}

    def member_of(self, ask, key):
        self.one(self.users, key)
        return self.page(ask, [group for group in self.groups.values() if key in self.members[group["id"]]])

    def add_member(self, ask, key):
        members, user = self.members[self.one(self.groups, key)["id"]], self.one(self.users, ask.body["@odata.id"].rsplit("/", 1)[1])["id"]
        if user in members:
            self.refuse(400, "Request_BadRequest", "One or more added object references already exist for the following modified properties: 'members'.")
        members[user] = True
        return GONE

    def remove_member(self, _, key, user):
        if self.members[self.one(self.groups, key)["id"]].pop(user, None) is None:
            self.refuse(404, "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present.")
        return GONE
