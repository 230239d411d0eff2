#!/usr/bin/env python3
"""What systems push, to a controller that listens. Usage: inbound.py make FOLDER | accounts FOLDER | conformance URL | push URL FIRST COUNT | go URL FIRST COUNT | anew URL NUMBER | off URL NUMBER | names URL; HEADCOUNT_TOKEN has the token.

conformance: scim2-tester over all that there is; says what failed, and how many checks there were. push: makes users one after the other and says each that was answered. go: deactivates some of them and deletes the others. anew: deactivates one and makes them again under another name, as Okta renames. off: deactivates all that one has. names: all there are. accounts: the active ones of the application."""
import collections, os, sqlite3, sys
import httpx2


def client(url):
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {os.environ['HEADCOUNT_TOKEN']}"}, timeout=30)


def conformance(url):
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import check_server
    results = check_server(SyncSCIMClient(client(url)))
    counts = collections.Counter(result.status.name for result in results)
    for result in results:
        if result.status.name not in ("SUCCESS", "SKIPPED", "ACCEPTABLE"):
            print(result.status.name, result.title, "|", (result.reason or "").replace("\n", " ")[:1500])
    print(dict(counts))
    return counts["ERROR"] + counts["CRITICAL"]


def push(url, first, count):
    with client(url) as http:
        for number in range(first, first + count):
            while True:
                answer = http.post("/Users", json={"userName": f"user{number}", "externalId": f"x{number}", "active": True})
                if answer.status_code not in (429, 503):
                    break
            assert answer.status_code == 201, answer.text
            print(f"user{number}", flush=True)
    return 0


def go(url, first, count):
    off = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    with client(url) as http:
        for number in range(first, first + count):
            found = http.get("/Users", params={"filter": f'userName eq "user{number}"'}).json()["Resources"]
            user = f"/Users/{found[0]['id']}"
            answer = http.delete(user) if number % 2 else http.patch(user, json=off)
            assert answer.status_code in (200, 204), answer.text
    return 0


def anew(url, number):
    off(url, number)
    with client(url) as http:
        answer = http.post("/Users", json={"userName": f"anew{number}", "externalId": f"x{number}", "active": True})
        assert answer.status_code == 201, answer.text
    return 0


def off(url, number):
    inactive = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    with client(url) as http:
        for user in http.get("/Users", params={"filter": f'externalId eq "x{number}"'}).json()["Resources"]:
            assert http.patch(f"/Users/{user['id']}", json=inactive).status_code in (200, 204)
    return 0


def names(url):
    with client(url) as http:
        cursor = ""
        while cursor is not None:
            page = http.get("/Users", params={"count": 1000, "cursor": cursor, "attributes": "userName"}).json()
            for user in page["Resources"]:
                print(user["userName"])
            cursor = page.get("nextCursor")
    return 0


def make(folder):
    database = sqlite3.connect(os.path.join(folder, "app.db"))
    database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, external_id TEXT, is_active INTEGER NOT NULL DEFAULT 1)")
    database.commit()
    return 0


def accounts(folder):
    database = sqlite3.connect(os.path.join(folder, "app.db"))
    for (login,) in database.execute("SELECT login FROM users WHERE is_active ORDER BY login"):
        print(login)
    return 0


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    sys.exit({"conformance": conformance, "push": lambda url, first, count: push(url, int(first), int(count)), "go": lambda url, first, count: go(url, int(first), int(count)), "anew": lambda url, number: anew(url, int(number)), "off": lambda url, number: off(url, int(number)), "names": names, "make": make, "accounts": accounts}[what](*rest))
