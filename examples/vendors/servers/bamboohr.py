"""BambooHR: the list of employees by cursor, and fields of one employee written back."""

import re

from common import PAGE, PEOPLE, Refused, address

ALWAYS = ("employeeId", "firstName", "lastName", "preferredName", "photoUrl", "jobTitleName", "status")
OPTIONAL = ("workEmail", "hireDate", "departmentName", "divisionName", "locationName", "reportsToId", "workPhone", "mobilePhone", "homePhone")


class BambooHR:
    """The public API, version 1, of the company acme."""

    def __init__(self):
        self.people = {}
        for one in PEOPLE:
            self.hire(*one)

    def hire(self, number, first, last, department, title, manager, active=True):
        """HR's own hands: somebody comes, or is otherwise from now on."""
        person = self.people.setdefault(str(number), dict.fromkeys((*ALWAYS, *OPTIONAL)))
        person.update(employeeId=str(number), firstName=first, lastName=last, jobTitleName=title, departmentName=department, hireDate="2024-02-01",
                      workEmail=address(first, last), reportsToId=manager and str(manager), status="Active" if active else "Inactive")

    def stands(self):
        """How everybody is reached: address, telephone, mobile."""
        return {key: [one["workEmail"], one["workPhone"], one["mobilePhone"]] for key, one in self.people.items()}

    def answer(self, ask):
        if ask.basic() != ("bamboo-key", "x"):
            raise Refused(401, None)
        path = ask.path.removeprefix("/api/v1")
        if (ask.method, path) == ("GET", "/employees"):
            return self.page(ask)
        if (found := re.fullmatch(r"/employees/(\d+)", path)) and ask.method == "POST":
            return self.change(found[1], ask.body)
        raise Refused(404, None)

    def page(self, ask):
        every = sorted(self.people.values(), key=lambda one: int(one["employeeId"]))
        wanted = [value for name, value in ask.query.items() if name.startswith("filter[ids]")]
        if wanted:
            every = [one for one in every if one["employeeId"] in wanted[0].split(",")]
        after, size = ask.query.get("page[after]"), min(int(ask.query.get("page[limit]", 50)), PAGE)
        if after is not None and after.removeprefix("after-") not in self.people:
            raise Refused(400, {"error": {"code": "BadPage", "message": "the page cursor is malformed"}})
        start = next((at + 1 for at, one in enumerate(every) if f"after-{one['employeeId']}" == after), 0)
        page, rest = every[start:start + size], every[start + size:]
        # A field that nobody knows is ignored.
        names = [*ALWAYS, *(name for name in OPTIONAL if name in ask.query.get("fields", "").split(","))]
        data = [{**{name: one[name] for name in names}, "_restrictedFields": []} for one in page]
        cursor = f"after-{page[-1]['employeeId']}" if rest else None
        return 200, {"data": data, "meta": {"total": len(every), "page": {"limit": size, "nextCursor": cursor, "prevCursor": None}}, "_links": {}}

    def change(self, key, fields):
        person = self.people.get(key)
        if person is None:
            raise Refused(404, None)
        taken = fields.get("workEmail") and any(fields["workEmail"] == one["workEmail"] for one in self.people.values() if one is not person)
        if taken:
            raise Refused(409, None, {"X-BambooHR-Error-Message": "Email address is already in use"})
        if any(name not in OPTIONAL for name in fields):
            raise Refused(403, None)
        person.update({name: value or None for name, value in fields.items()})
        return 200, None
