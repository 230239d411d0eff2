"""people/search, one person, e-mail, and the two dates that HR sets (hire again, terminate)."""

import re

from common import PEOPLE, Refused, merge


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
