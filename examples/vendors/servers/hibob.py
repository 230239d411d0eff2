"""people/search, one person, e-mail, and the two dates that HR sets (hire again, terminate)."""

import re

from common import PEOPLE, Refused, address, merge


class HiBob:
    """people/search, one person, e-mail, and the two dates that HR sets (hire again, terminate)."""

    def __init__(self):
        self.people = {}
        for one in PEOPLE:
            self.hire(*one)

    def hire(self, number, first, last, department, title, manager, active=True):
        """HR's own hands: somebody comes, or is otherwise from now on."""
        ended = None if active else "2026-10-31"
        person = self.people.setdefault(f"{2000 + number}", {"id": f"{2000 + number}", "work": {}})
        person.update(firstName=first, surname=last, displayName=f"{first} {last}", email=address(first, last))
        person["work"].update(employeeIdInCompany=number, title=f"t{number}", department=f"d-{department}", startDate="2024-02-01",
                              reportsTo=manager and {"id": f"{2000 + manager}"})
        person["internal"] = {"status": "Active" if active else "Inactive", "terminationDate": ended}
        person["humanReadable"] = {"work": {"title": title, "department": department}}

    def stands(self):
        """How everybody is reached: address, telephone, mobile."""
        return {key: [one["email"], one["work"].get("workPhone"), one["work"].get("workMobile")] for key, one in self.people.items()}

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
                return self.change(person, ask.body, bool(found[2]))
        if found := re.fullmatch(r"/v1/employees/(\d+)/(terminate|rehire|move)", ask.path):
            return self.lifecycle(self.people[found[1]], found[2], ask.body)
        raise Refused(404, {"error": "no such path"})

    def change(self, person, body, of_email):
        """An address has a path of its own; what changes nothing is 304."""
        if of_email != ("email" in body) or (of_email and len(body) > 1):
            raise Refused(400, {"error": "e-mail is changed at /people/{id}/email, and nothing else is"})
        if of_email and any(one["email"] == body["email"] for one in self.people.values() if one is not person):
            raise Refused(400, {"key": "validations.email.alreadyexists", "error": "validations.email.alreadyexists"})
        before = repr(person)
        merge(person, body)
        return (304 if repr(person) == before and not of_email else 200), None

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
