#!/usr/bin/env python3
"""The operator at scale, against a real API server (tests/kube) and applications that take everything: how long it takes to begin, what it holds in
memory, what it costs at rest, and how long after a change of an object the request arrives at the target; beside a bare watch of the same objects.

    benches/kubernetes.py [--headcount target/release/headcount] [--users 10000] [--groups 200] [--targets 20] [--changes 30] [--rate 50] [--people 100000]

Users and Groups are objects. One Target is a SCIM service that notes when each request came; the others are SQLite databases, which hold everybody already.
Needs Python alone, and what tests/setup.sh makes.
"""

import argparse
import http.client
import http.server
import json
import os
import pathlib
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
API = "/apis/headcount.dev/v1alpha1/namespaces/{}/{}"
NAMESPACE = "scale"


class Kube:
    """An API server that ends with this process."""

    def __init__(self, above):
        self.folder = above / "server"
        self.bin = subprocess.run([ROOT / "tests/kube/build", "--where"], capture_output=True, text=True, check=True).stdout.strip()
        self.port, etcd = free_port(), free_port()
        self.keeper = subprocess.Popen([ROOT / "tests/kube/start", self.folder, str(self.port), str(etcd)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline().strip() != "ready":
            sys.exit("no API server: run tests/setup.sh")
        self.token = (self.folder / "tokens").read_text().split(",")[0]
        self.tls = ssl.create_default_context(cafile=self.folder / "apiserver.crt")

    def kubectl(self, *arguments, text=""):
        command = [f"{self.bin}/kubectl", "--kubeconfig", self.folder / "kubeconfig", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls)

    def ask(self, connection, method, path, body=None, kind="application/json"):
        headers = {"authorization": f"Bearer {self.token}", "content-type": kind}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def create(self, plural, objects):
        """All of them, over a few connections."""
        def some(part):
            connection = self.connection()
            for one in part:
                self.ask(connection, "POST", API.format(NAMESPACE, plural), one)
        at_once(some, objects, 4)

    def end(self):
        self.keeper.stdin.close()
        self.keeper.wait()


def at_once(work, items, threads):
    running = [threading.Thread(target=work, args=(items[at::threads],)) for at in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def login(at):
    return f"u{at:05}"


class Scim:
    """A service that knows everybody and takes every change; it notes when the request that says a title came."""

    def __init__(self, users):
        self.seen, self.writes = {}, 0
        core = "urn:ietf:params:scim:schemas:core:2.0:User"
        self.users = {login(at): {"schemas": [core], "id": login(at), "externalId": f"hc:scale:user:{login(at)}", "userName": login(at), "title": "t0", "active": True} for at in range(users)}
        scim = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/scim+json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/v2/Users":
                    asked = dict(part.partition("=")[::2] for part in query.split("&"))
                    start, count = int(asked.get("startIndex", 1)), int(asked.get("count", 100))
                    page = list(scim.users.values())[start - 1:start - 1 + count]
                    self.answer(200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(scim.users), "startIndex": start, "itemsPerPage": len(page), "Resources": page})
                elif path.startswith("/v2/Users/"):
                    self.answer(200, scim.users[path.rsplit("/", 1)[1]])
                else:
                    self.answer(404, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"})

            def write(self):
                now, body = time.monotonic(), self.rfile.read(int(self.headers["content-length"]))
                asked, name = json.loads(body), self.path.rsplit("/", 1)[1]
                for operation in asked.get("Operations", []):
                    value = operation.get("value")
                    title = value.get("title") if isinstance(value, dict) else value
                    scim.users[name]["title"] = title
                    scim.seen.setdefault(title, now)
                if "title" in asked:
                    scim.users[name]["title"] = asked["title"]
                    scim.seen.setdefault(asked["title"], now)
                scim.writes += 1
                self.answer(200, scim.users[name])

            do_PATCH = do_PUT = do_POST = write

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Watch(threading.Thread):
    """What a client that does nothing else hears, and when."""

    def __init__(self, kube):
        super().__init__(daemon=True)
        self.seen, self.kube = {}, kube
        connection = kube.connection()
        listed = kube.ask(connection, "GET", API.format(NAMESPACE, "users") + "?limit=1")
        self.version = listed["metadata"]["resourceVersion"]
        self.start()

    def run(self):
        connection = self.kube.connection()
        connection.request("GET", API.format(NAMESPACE, "users") + f"?watch=1&resourceVersion={self.version}", headers={"authorization": f"Bearer {self.kube.token}"})
        for line in connection.getresponse():
            now = time.monotonic()
            self.seen.setdefault(json.loads(line)["object"]["spec"]["attributes"]["title"], now)


class Operator:
    running = []

    def __init__(self, kube, program, data, namespace):
        self.log = data / f"{namespace}.log"
        command = [program, "operator", "--namespace", namespace, "--data", data, "--listen", "none"]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": str(kube.folder / "kubeconfig")}, stderr=open(self.log, "a"), stdout=subprocess.DEVNULL)
        Operator.running.append(self.process)

    def memory(self):
        """Resident now and at its most, in MiB."""
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return [round(int(status[name].split()[0]) / 1024, 1) for name in ("VmRSS", "VmHWM")]

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def at_rest(self, seconds):
        """Milliseconds of CPU in a second."""
        before, began = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return round((self.cpu() - before) / (time.monotonic() - began) * 1000, 1)

    def end(self):
        self.process.terminate()
        self.process.wait()


def obj(kind, name, spec):
    return {"apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def rule(attribute):
    return {"attribute": attribute, "value": f"identity.{attribute}"}


ROOM = {name: {"count": 1000000} for name in ("create", "adopt", "deactivate", "leavers", "removeMembers", "rename", "reactivate")}


def sqlite_target(path, groups, title=False):
    columns = {"userName": "login", "externalId": "ref"} | ({"title": "title"} if title else {})
    accounts = {"table": "users", "key": "id", "columns": columns, "active": {"deactivatedAt": "ended"}}
    sql = {"database": {"sqlite": {"path": path}}, "accounts": accounts}
    spec = {"connection": {"sql": sql}, "guardrails": ROOM, "fullInterval": "6h", "interval": "6h", "correlate": ["externalId", "userName"]}
    if groups:
        sql["groups"] = {"table": "teams", "key": "id", "columns": {"displayName": "name", "externalId": "ref"}}
        sql["memberships"] = {"table": "members", "group": "team", "account": "user"}
        spec["groups"] = {}
    return spec


def application(path, people, mark, groups):
    """A database that holds everybody already."""
    app = sqlite3.connect(path)
    app.executescript("""
        CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, ref TEXT UNIQUE, ended TEXT);
        CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, ref TEXT UNIQUE);
        CREATE TABLE members (team INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (team, user));""")
    app.executemany("INSERT INTO users VALUES (?, ?, ?, NULL)", ((at + 1, login(at), mark(at)) for at in range(people)))
    app.executemany("INSERT INTO teams VALUES (?, ?, ?)", ((at + 1, f"Team {at}", f"hc:scale:group:g{at}") for at in range(groups)))
    if groups:
        app.executemany("INSERT INTO members VALUES (?, ?)", ((at % groups + 1, at + 1) for at in range(people)))
    app.commit()
    app.close()


def until(what, is_so, seconds=3600):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def ready(kube, namespace, targets):
    """Every Target is as declared."""
    connection = kube.connection()

    def so():
        found = kube.ask(connection, "GET", API.format(namespace, "targets"))["items"]
        return len(found) == targets and all(one.get("status", {}).get("state") == "AsDeclared" for one in found)
    return so


def share(values):
    values = sorted(values)
    at = lambda part: values[min(len(values) - 1, int(part * len(values)))]
    return f"p50 {statistics.median(values) * 1000:.0f} ms, p99 {at(0.99) * 1000:.0f} ms, at most {values[-1] * 1000:.0f} ms"


def change(kube, number, at, sent, connection):
    title = f"t{number}"
    sent[title] = time.monotonic()
    kube.ask(connection, "PATCH", API.format(NAMESPACE, "users") + f"/{login(at)}", {"spec": {"attributes": {"title": title}}}, "application/merge-patch+json")


def latency(kube, scim, watch, operator, users, numbers, pause):
    """From the moment a change is sent to the watch's event, and to the request at the target."""
    sent, connection = {}, kube.connection()
    began, cpu = time.monotonic(), operator.cpu()
    for at, number in enumerate(numbers):
        change(kube, number, (number * 37) % users, sent, connection)
        due = began + (at + 1) * pause
        time.sleep(max(0.0, due - time.monotonic()))
    # Nobody is changed twice, so each change is a request of its own.
    until("every change arrives", lambda: all(title in scim.seen for title in sent), 600)
    heard = [watch.seen[title] - at for title, at in sent.items() if title in watch.seen]
    asked = [scim.seen[title] - at for title, at in sent.items() if title in scim.seen]
    print(f"    a bare watch  ({len(heard)}): {share(heard)}")
    print(f"    the request   ({len(asked)}): {share(asked)}; {(operator.cpu() - cpu) / len(sent) * 1000:.0f} ms of CPU for a change", flush=True)


def idle(kube, program, data):
    """A workspace with nothing in it."""
    kube.kubectl("create", "namespace", "empty")
    kube.kubectl("apply", "-n", "empty", "-f", "-", text="apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: empty}\nspec: {id: empty}\n")
    operator = Operator(kube, program, data, "empty")
    until("the empty workspace runs", lambda: "is in force" in operator.log.read_text())
    time.sleep(5)
    memory, cpu = operator.memory(), operator.at_rest(20)
    operator.end()
    print(f"nothing in it: {memory[0]} MiB resident, {cpu} ms of CPU in a second", flush=True)
    return memory[0]


def objects_in_etcd(kube, args, data):
    kube.kubectl("create", "namespace", NAMESPACE)
    folder = data / NAMESPACE
    folder.mkdir(parents=True)
    scim = Scim(args.users)
    for at in range(args.targets - 1):
        application(folder / f"app{at}.db", args.users, lambda at: f"hc:scale:user:{login(at)}", args.groups)
    began = time.monotonic()
    kube.create("users", [obj("User", login(at), {"attributes": {"userName": login(at), "title": "t0", "custom.team": f"d{at % args.groups}"}}) for at in range(args.users)])
    kube.create("groups", [obj("Group", f"g{at}", {"displayName": f"Team {at}", "rule": f'identity.custom.team == "d{at}"'}) for at in range(args.groups)])
    kube.create("targets", [obj("Target", f"app{at}", sqlite_target(f"app{at}.db", True) | {"mapping": {"rules": [rule("userName")]}}) for at in range(args.targets - 1)])
    kube.kubectl("create", "secret", "generic", "chat", "-n", NAMESPACE, "--from-literal=token=a-token-of-the-bench")
    connection = {"scim": {"url": scim.url, "auth": {"bearer": {"secretKeyRef": {"name": "chat", "key": "token"}}}}}
    kube.create("targets", [obj("Target", "chat", {"connection": connection, "mapping": {"rules": [rule("userName"), rule("title")]}, "guardrails": ROOM, "fullInterval": "6h", "interval": "6h"})])
    kube.create("workspaces", [obj("Workspace", "scale", {"id": "scale"})])
    print(f"{args.users} User, {args.groups} Group and {args.targets} Target objects, created in {time.monotonic() - began:.0f} s", flush=True)
    # What stands in the status when it begins is of the one before: it is begun twice.
    operator = Operator(kube, args.headcount, data, NAMESPACE)
    until("every Target is as declared", ready(kube, NAMESPACE, args.targets))
    print(f"  from its start until every Target is as declared: {time.monotonic() - operator.began:.1f} s, {operator.cpu():.1f} s of CPU; {scim.writes} requests that change something")
    time.sleep(10)
    memory = operator.memory()
    print(f"  {memory[0]} MiB resident, {memory[1]} MiB at its most; at rest {operator.at_rest(60)} ms of CPU in a second", flush=True)
    watch = Watch(kube)
    print(f"  {args.changes} changes, one every 3 s:")
    latency(kube, scim, watch, operator, args.users, range(1, args.changes + 1), 3)
    print(f"  {args.rate * 30} changes, {args.rate} a second:")
    latency(kube, scim, watch, operator, args.users, range(10_000, 10_000 + args.rate * 30), 1 / args.rate)
    time.sleep(5)
    print(f"  {operator.memory()[0]} MiB resident afterwards, {operator.memory()[1]} MiB at its most", flush=True)
    operator.end()


def a_source(kube, args, data, empty, select):
    namespace = "source-true" if select else "source-false"
    kube.kubectl("create", "namespace", namespace)
    folder = data / namespace
    folder.mkdir(parents=True)
    table = folder / "hr.csv"
    table.write_text("id,login,team\n" + "".join(f"{at},{login(at)},d{at % 200}\n" for at in range(args.people)))
    os.utime(table, (time.time() - 60,) * 2)
    application(folder / "app.db", args.people if select else 0, lambda at: f"hc:source:hr:{at}", 0)
    source = {"connection": {"file": {"path": "hr.csv"}}, "key": "record.id", "mapping": {"rules": [{"attribute": "userName", "value": "record.login"}, {"attribute": "custom.team", "value": "record.team"}]}, "fullInterval": "6h", "interval": "6h"}
    target = sqlite_target("app.db", False) | {"mapping": {"rules": [rule("userName")]}} | ({} if select else {"select": "false"})
    documents = [obj("Workspace", "source", {"id": "source"}), obj("Source", "hr", source), obj("Target", "app", target)]
    for one in documents:
        one["metadata"]["namespace"] = namespace
    kube.kubectl("apply", "--server-side", "-f", "-", text="\n---\n".join(json.dumps(one) for one in documents))
    operator = Operator(kube, args.headcount, data, namespace)
    until("the Target is as declared", ready(kube, namespace, 1))
    took = time.monotonic() - operator.began
    time.sleep(15)
    memory = operator.memory()
    held = "a Target that holds them" if select else "a Target that selects nobody"
    print(f"a Source of {args.people} people and {held}: as declared after {took:.1f} s; {memory[0]} MiB resident, {memory[0] - empty:.1f} above nothing, {memory[1]} at its most; at rest {operator.at_rest(20)} ms of CPU in a second", flush=True)
    operator.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headcount", default=ROOT / "target/release/headcount")
    for name, default in (("users", 10_000), ("groups", 200), ("targets", 20), ("changes", 30), ("rate", 50), ("people", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headcount-scale-") as above:
        above = pathlib.Path(above)
        kube, data = Kube(above), above / "data"
        data.mkdir()
        try:
            kube.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
            kube.kubectl("wait", "--for=condition=Established", "--timeout=300s", "-f", str(ROOT / "crds"))
            empty = idle(kube, args.headcount, data)
            objects_in_etcd(kube, args, data)
            for select in (True, False):
                a_source(kube, args, data, empty, select)
        except BaseException:
            print("".join(log.read_text()[-3000:] for log in data.glob("*.log")), file=sys.stderr)
            raise
        finally:
            for one in Operator.running:
                one.kill()
            kube.end()


if __name__ == "__main__":
    main()
