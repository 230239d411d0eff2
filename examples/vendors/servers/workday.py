"""Workday: one report as a service, of everybody who ever worked there."""

from common import PEOPLE, Refused, address


class Workday:
    """The report headcount_workers of ISU_headcount, in the tenant acme."""

    def __init__(self):
        self.people = {}
        for one in PEOPLE:
            self.hire(*one)

    def hire(self, number, first, last, department, title, manager, active=True):
        """HR's own hands: somebody comes, or is otherwise from now on."""
        row = {"Employee_ID": f"{21000 + number}", "First_Name": first, "Last_Name": last, "Email_Work": address(first, last), "Business_Title": title,
               "Department": department, "Worker_Type": "Employee", "Hire_Date": "2024-02-01", "Active_Status": "1" if active else "0"}
        # A report leaves out what is empty.
        if manager:
            row["Manager_ID"] = f"{21000 + manager}"
        if not active:
            row["Termination_Date"] = "2026-10-31"
        self.people[row["Employee_ID"]] = row

    def answer(self, ask):
        if ask.basic() != ("ISU_headcount", "workday-password"):
            raise Refused(401, {"error": "invalid username or password"})
        if (ask.method, ask.path) != ("GET", "/ccx/service/customreport2/acme/ISU_headcount/headcount_workers"):
            raise Refused(404, {"error": "there is no such report"})
        if ask.query.get("format") != "json":
            raise Refused(406, {"error": "this stand-in answers in JSON alone"})
        return 200, {"Report_Entry": list(self.people.values())}
