"""Users and spending limits; whatever is made is a task that is asked for."""

import itertools

from common import PAGE, Refused, merge, route


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
        size, start = min(int(ask.query.get("page_size", 20)), PAGE), ask.query.get("start")
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
