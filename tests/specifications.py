#!/usr/bin/env python3
"""Holds every request of the catalog to the vendor's published specification.

Looked at: the requests of `catalog/NAME.yaml`, and what is truly sent and answered by `catalog/NAME.test.yaml`. Of each request: its path and method, its
parameters, its headers, its content; of each answer: the fields that the document reads, and what was recorded. `tests/specifications.yaml` says which
specification a document is held to, and lists each deviation with its reason; one that no longer occurs is an error.

The specifications are not in this repository: their licences differ. HEADCOUNT_SPECIFICATIONS=DIR says where they are; without it they are looked for in
`../shared/vendors`, and where they are not, nothing is checked, and that is said.

    tests/specifications.py [NAME…]
    tests/specifications.py --exchanges FILE VENDOR NAME    what a stand-in of VENDOR was asked and answered (EXCHANGES=FILE), as catalog/NAME.yaml
"""

import fnmatch
import json
import os
import re
import sys
from collections import namedtuple
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.dont_write_bytecode = True
from openapi import ANY, VERBS, Schemas, Specification, load  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
# What the engine sends of itself.
OWN_HEADERS = {"authorization", "content-type", "accept"}

Request = namedtuple("Request", "place verb path query headers body kind")
Found = namedtuple("Found", "request at what place")


# --- what the catalog asks -------------------------------------------------------------------------------------------------------------------------------


def templated(value):
    """A template's value: what stands in it is known when it is sent."""
    if isinstance(value, dict):
        # `{scim: '…{value}…'}` and its like are one text.
        if len(value) == 1 and next(iter(value)) in ("scim", "odata", "soql", "google", "okta", "sql"):
            return ANY
        return {key: templated(each) for key, each in value.items()}
    if isinstance(value, list):
        return [templated(each) for each in value]
    return ANY if isinstance(value, str) and "{" in value else value


def put(tree, path, value):
    """Sets `a.b.c` in a tree."""
    *above, last = path.split(".")
    for name in above:
        below = tree.get(name)
        tree[name] = tree = below if isinstance(below, dict) else {}
    tree.setdefault(last, value)


def content(request, objects, verb_of):
    """What a request of a document sends, of all attributes that it may write; and as what."""
    kind = "form" if "form" in request else "body"
    said = request.get(kind)
    if said is None and not request.get("with"):
        return None, kind
    sent = {} if said is None or isinstance(said, str) else templated(said)
    if isinstance(said, str) and "{" not in said:
        write(sent, request, objects, said, verb_of)
    for path, value in (request.get("with") or {}).items():
        sent[path] = templated(value)
    for spec in (request.get("pages") or {}).values():
        to = spec.get("to", "") if isinstance(spec, dict) else ""
        if to.startswith(("body.", "form.")):
            put(sent, to.split(".", 1)[1], ANY)
    return sent, kind


def write(sent, request, objects, said, verb_of):
    covers = request.get("covers")
    elsewhere = {name for each in objects.get("update", []) for name in each.get("covers", [])} if verb_of == "update" else set()
    named = objects.get("parameters" if said == "parameters" else "attributes", {})
    for name, spec in named.items():
        if name not in covers if covers else name in elsewhere:
            continue
        if spec.get("only") not in (None, verb_of):
            continue
        for path in spec.get("write") or ([spec["path"]] if "path" in spec else []):
            if "{" not in path:
                put(sent, path, ANY)
    if said != "parameters" and not covers and verb_of != "create":
        for path in objects.get("active", {}).get("write") or []:
            put(sent, path, ANY)


def requests_of(node, objects, place, verb_of=None):
    """Every request below a node of a document, with the objects that it is of."""
    if isinstance(node, list):
        for number, each in enumerate(node):
            yield from requests_of(each, objects, f"{place}/{number}", verb_of)
    if not isinstance(node, dict):
        return
    for verb in VERBS:
        if isinstance(node.get(verb), str):
            yield request_of(node, verb, objects, place, verb_of), node
    for key, each in node.items():
        if key not in ("body", "form", "query", "with", "attributes", "parameters", "headers"):
            yield from requests_of(each, objects, f"{place}/{key}", key if key in ("create", "update") else verb_of)


def request_of(node, verb, objects, place, verb_of):
    query = {name: templated(value) for name, value in (node.get("query") or {}).items()}
    for spec in (node.get("pages") or {}).values():
        if isinstance(spec, dict) and str(spec.get("to", "")).startswith("query."):
            query[spec["to"].removeprefix("query.")] = ANY
    path, _, more = re.sub(r"\{[^}]*\}", "TEMPLATE", node[verb]).partition("?")
    query.update((name, ANY if "TEMPLATE" in value else value) for name, value in parse_qsl(more, keep_blank_values=True))
    body, kind = content(node, objects, verb_of)
    return Request(place, verb, path, query, node.get("headers") or {}, body, kind)


def objects_of(spec):
    """What a document is of: (place, objects)."""
    if "accounts" in spec:
        yield "accounts", spec["accounts"]
    for room in ("groups", "entitlements"):
        for name, each in spec.get(room, {}).items():
            yield f"{room}/{name}", each


def exchanges_of(test):
    """Every exchange of a test: (place, request, answer, whether that makes sense)."""
    for case in test["spec"]["cases"]:
        for number, each in enumerate(case.get("exchanges") or []):
            verb = next(verb for verb in VERBS if verb in each)
            url = urlsplit(each[verb])
            query = {}
            for name, value in parse_qsl(url.query, keep_blank_values=True):
                query.setdefault(name, []).append(value)
            query = {name: values if len(values) > 1 else values[0] for name, values in query.items()}
            query.update((name, ANY if value is None else value) for name, value in (each.get("query") or {}).items())
            kind = "form" if "form" in each else "body"
            place = f"case `{case['name']}`, exchange {number + 1}"
            sound = case.get("expect", {}).get("evidence") != "unreadable"
            yield place, Request(place, verb, each[verb].partition("?")[0], query, {}, each.get(kind), kind), each.get("answer") or {}, sound


# --- holding -----------------------------------------------------------------------------------------------------------------------------------------------


class Held:
    """One document, held to its specifications."""

    def __init__(self, name, plan, folder, document=None):
        self.name, self.plan, self.found, self.count, self.bare = name, plan, [], 0, set()
        self.specifications = [Specification(folder / each) for each in plan["files"]]
        self.document = document or load(ROOT / "catalog" / f"{name}.yaml")["spec"]
        self.test = load(ROOT / "catalog" / f"{name}.test.yaml")
        self.base = re.sub(r"\{[^}]*\}", "TEMPLATE", re.sub(r"^https?://[^/]*", "", self.document["base"])).rstrip("/")
        self.strip = re.compile("[^/]+".join(re.escape(each) for each in re.split(r"\{[^}]*\}", plan.get("strip", ""))))

    def run(self):
        for place, objects in objects_of(self.document):
            asked = list(requests_of(objects, objects, place))
            for request, node in asked:
                operation = self.hold(request)
                if operation:
                    self.headers(operation, request)
                    if "list" in request.place.split("/") or request.place.endswith("/get") or "/find/" in request.place:
                        self.reads(operation, request, node, objects)
        for place, request, answer, sound in exchanges_of(self.test):
            operation = self.hold(request)
            if operation and sound and self.good(answer):
                self.answer(operation, answer["body"], place)
        return self

    def played(self, lines):
        """What a stand-in was asked, and what it answered."""
        for number, line in enumerate(lines):
            each = json.loads(line)
            kind = "form" if "form" in each else "body"
            place = f"line {number + 1}"
            request = Request(place, each["verb"], "https://host" + each["path"], each["query"], {}, each.get(kind), kind)
            operation = self.hold(request)
            if operation and self.good(each["answer"]):
                self.answer(operation, each["answer"]["body"], place)
        return self

    def good(self, answer):
        """Neither a refusal nor without content; some vendors refuse with 200."""
        rule = re.fullmatch(r"body\.(\w+) == true", self.document.get("errors", {}).get("ok", ""))
        body = answer.get("body")
        refused = rule and isinstance(body, dict) and body.get(rule[1]) is not True
        return body is not None and 200 <= answer.get("status", 200) < 300 and not refused

    def say(self, request, at, what, place):
        self.found.append(Found(request, at, what, place))

    def operation(self, verb, path):
        path = urlsplit(path).path if "://" in path else self.base + path
        path = self.strip.sub("", path, count=1) if self.strip.match(path) else path
        fitting = [each for spec in self.specifications for each in spec.operations if each.verb == verb and each.pattern.match(path)]
        return min(fitting, key=lambda each: each.wild, default=None), path

    def hold(self, request):
        """One request: its path, parameters and content."""
        self.count += 1
        operation, path = self.operation(request.verb, request.path)
        if operation is None:
            self.say(f"{request.verb.upper()} {path.replace('TEMPLATE', '{…}')}", "path", "is unknown", request.place)
            return None
        name = f"{request.verb.upper()} {operation.template}"
        self.parameters(operation, request, name)
        self.content(operation, request, name)
        return operation

    def parameters(self, operation, request, name):
        known, schemas = operation.named("query"), Schemas(operation.specification)
        for parameter, value in request.query.items():
            told = known.get(parameter) or known.get(parameter.split("[")[0]) or known.get(parameter + "[]")
            if told is None:
                self.say(name, f"query {parameter}", "is unknown", request.place)
                continue
            schema = told.get("schema") or next(iter(told.get("content", {}).values()), {}).get("schema") or (told if "type" in told else {})
            nested = parameter not in known and "[" in parameter
            if value is not ANY and not nested:
                for _, what in self.text(schemas, value, schema):
                    self.say(name, f"query {parameter}", what, request.place)
        for parameter, told in known.items():
            if told.get("required") and parameter not in request.query and not self.secret(parameter):
                self.say(name, f"query {parameter}", "is required", request.place)

    def text(self, schemas, value, schema):
        """A parameter, which is a text, as what it stands for."""
        kinds = {kind for part in schemas.parts(schema) for kind in part.types or ()}
        if "array" in kinds:
            items = value if isinstance(value, list) else [one for one in str(value).split(",") if one]
            return schemas.check(items, [schema], "", True)
        wrong = []
        for each in value if isinstance(value, list) else [value]:
            each = ("true" if each else "false") if isinstance(each, bool) else str(each)
            other = "string" not in kinds and re.fullmatch(r"-?\d+|true|false", each)
            wrong += schemas.check(json.loads(each) if other else each, [schema], "", True)
        return wrong

    def secret(self, parameter):
        """What the authentication says."""
        return parameter.lower() in OWN_HEADERS or parameter == "token" or parameter.lower() in json.dumps(self.document.get("auth", {})).lower()

    def headers(self, operation, request):
        sent = {each.lower() for each in [*request.headers, *self.document.get("headers", {})]}
        for name, told in operation.named("header").items():
            if told.get("required") and name.lower() not in sent and not self.secret(name):
                self.say(f"{request.verb.upper()} {operation.template}", f"header {name}", "is required", request.place)

    def content(self, operation, request, name):
        contents, required = operation.contents()
        if request.body is None:
            if required:
                self.say(name, "body", "is required", request.place)
            return
        if not contents:
            self.say(name, "body", "is sent, and none is known", request.place)
            return
        wanted = "form" if request.kind == "form" else "json"
        schema = next((each for media, each in contents.items() if wanted in media or media == "*/*"), None)
        if schema is None:
            self.say(name, "body", f"is {wanted}, and {', '.join(contents)} is known", request.place)
            return
        # Of a form every value is a text.
        schemas = Schemas(operation.specification)
        body = {key: ANY for key in request.body} if request.kind == "form" and isinstance(request.body, dict) else request.body
        for at, what in schemas.check(body, [schema], "body", True, complete=request.verb != "patch"):
            self.say(name, at, what, request.place)
        for key, value in request.body.items() if request.kind == "form" else []:
            for each in schemas.below([schema], [key]) if value is not ANY else []:
                for _, what in self.text(schemas, value, each):
                    self.say(name, f"body.{key}", what, request.place)

    def reads(self, operation, request, node, objects):
        """The fields that a document reads of an answer."""
        schemas, name, answers = Schemas(operation.specification), f"{request.verb.upper()} {operation.template}", operation.answers()
        if not answers:
            self.bare.add(name)
            return
        pages = node.get("pages") or {}
        texts = [node.get("records"), node.get("shape")] + [each for each in pages.values() if isinstance(each, str)]
        texts += [each[key] for each in pages.values() if isinstance(each, dict) for key in ("from", "more", "total", "last") if key in each]
        for path in sorted(fields("body", texts)):
            if not any(schemas.has(path, each) for each in answers):
                self.say(name, "answer." + ".".join(path), "is unknown, and is read", request.place)
        records = re.fullmatch(r"body((?:\.\w+)*)", node.get("records") or "body")
        if records:
            answers = schemas.below(answers, [each for each in records[1].split(".") if each])
            self.records(schemas, answers, name, objects, request.place)

    def records(self, schemas, answers, name, objects, place):
        if not answers:
            self.bare.add(name)
        for path in self.read_of(objects, place.split("/")) if answers else []:
            if not any(schemas.has(path, each) for each in answers):
                self.say(name, "record." + ".".join(path), "is unknown, and is read", place)

    def read_of(self, objects, place):
        """The fields that are read of the records of a request."""
        joins = objects.get("joins", {})
        texts = [objects.get(key) for key in ("id", "skip", "writable", "inline", "account", "name")] + [objects.get("active", {}).get("read")]
        texts += (objects.get("list") or {}).get("require") or []
        for each in [*objects.get("attributes", {}).values(), *objects.get("parameters", {}).values()]:
            texts.append(each.get("read") or "record." + each.get("path", ""))
        found = sorted(fields("record", texts))
        if "members" in place:
            return sorted(fields("record", [objects["members"].get("id"), objects["members"].get("type")])) if "of" not in place else []
        if "joins" in place:
            name = place[place.index("joins") + 1]
            return [path[1:] for path in found if path[0] == name and len(path) > 1] + sorted(fields("record", [joins[name].get("key")]))
        return [path for path in found if path[0] not in joins]

    def answer(self, operation, body, place):
        """What a test made up as an answer: is it one that the vendor gives?"""
        answers, schemas = operation.answers(), Schemas(operation.specification)
        if answers:
            name = f"{operation.verb.upper()} {operation.template}"
            for at, what in min((schemas.check(body, [each], "answer", False) for each in answers), key=len):
                self.say(name, at, what, place)


def fields(of, texts):
    """The paths that expressions read: of `record.a.b.filter(…)` it is a.b."""
    found = set()
    for text in texts:
        for path in re.findall(rf"\b{of}((?:\.[A-Za-z_]\w*)+)(?![\w({{])", text or ""):
            found.add(tuple(path[1:].split(".")))
        for path in re.findall(rf"\b{of}((?:\.[A-Za-z_]\w*)+)\.(?:filter|map|exists|all)\(", text or ""):
            found.add(tuple(path[1:].split(".")))
    return found


# --- judging -----------------------------------------------------------------------------------------------------------------------------------------------


def judge(held, whole=True):
    """What no deviation allows for, and the deviations that no longer occur where all was looked at."""
    errors, seen = [], set()
    deviations = held.plan.get("deviations") or []
    unused = [(one, key, each) for one in deviations for key in ("request", "at") for each in several(one[key])]
    for each in held.found:
        fitting = [one for one in deviations if covers(one, each)]
        unused = [(one, key, pattern) for one, key, pattern in unused if one not in fitting or not wild(pattern, getattr(each, key))]
        if not fitting and each[:3] not in seen:
            seen.add(each[:3])
            errors.append(f"{held.name}: {each.request}: {each.at} {each.what} ({each.place})")
    errors += [f"{held.name}: the deviation of {one['request']}, {one['at']} has no reason: say `because`" for one in deviations if not one.get("because")]
    for one, _, pattern in unused if whole else []:
        errors.append(f"{held.name}: the deviation of {one['request']}, {one['at']}: {pattern} no longer occurs: take it out of tests/specifications.yaml")
    return errors, len(deviations)


def proven(plan, folder):
    """A document with four mistakes has them found: else nothing above means anything."""
    document = load(ROOT / "catalog" / "okta.yaml")["spec"]
    accounts = document["accounts"]
    accounts["get"]["get"] = "/persons/{id}"
    accounts["list"]["query"]["noSuchParameter"] = 1
    accounts["create"]["with"] = {"noSuchProperty": True}
    accounts["id"] = "record.noSuchField"
    told = {error.split(": ", 2)[2].split(" (")[0] for error in judge(Held("okta", plan, folder, document).run())[0]}
    wanted = {"path is unknown", "query noSuchParameter is unknown", "body.noSuchProperty is unknown", "record.noSuchField is unknown, and is read"}
    return [f"tests/specifications.py: a mistake is not found any more: {each}" for each in sorted(wanted - told)]


def covers(deviation, found):
    fits_in = all(any(wild(each, getattr(found, key)) for each in several(deviation[key])) for key in ("request", "at"))
    return fits_in and wild(deviation.get("says", "*"), found.what)


def several(said):
    return said if isinstance(said, list) else [said]


def wild(pattern, text):
    """`*` stands for anything; brackets for themselves."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def place_of_specifications():
    """Where they are; none where they are not, and whether somebody said so."""
    said = os.environ.get("HEADCOUNT_SPECIFICATIONS")
    folder = Path(said) if said else ROOT.parent / "shared" / "vendors"
    return folder if folder.is_dir() else None, bool(said)


def stand_in(folder, file, vendor, name):
    """One stand-in, held to its vendor's specification by what it was asked and answered."""
    plan = load(ROOT / "tests" / "specifications.yaml")[name]
    lines = [line for line in Path(file).read_text().splitlines() if json.loads(line)["vendor"] == vendor]
    held = Held(name, plan, folder).played(lines)
    errors, _ = judge(held, whole=False)
    errors += [] if lines else [f"{file} has no exchange of {vendor}"]
    print(f"stand-in of {name:<20} {held.count:>3} requests" + (f", {len(errors)} ERRORS" if errors else ""))
    return errors


def main(names):
    folder, said = place_of_specifications()
    if folder is None:
        if said:
            print(f"error: HEADCOUNT_SPECIFICATIONS={os.environ['HEADCOUNT_SPECIFICATIONS']} is no folder", file=sys.stderr)
            return 1
        print("SKIPPED tests/specifications.py: the specifications are not here, and no request of the catalog was held to them.")
        print("They are not part of the repository (licences). HEADCOUNT_SPECIFICATIONS=DIR says where they are; tests/specifications.yaml names the files.")
        return 0
    if names[:1] == ["--exchanges"]:
        errors = stand_in(folder, *names[1:])
        for each in errors:
            print(f"error: {each}", file=sys.stderr)
        return 1 if errors else 0
    plans = load(ROOT / "tests" / "specifications.yaml")
    catalog = sorted(each.stem for each in (ROOT / "catalog").glob("*.yaml") if not each.stem.endswith(".test"))
    errors = [f"{name}: tests/specifications.yaml does not say what it is held to" for name in catalog if name not in plans]
    errors += [f"{name}: tests/specifications.yaml names it, and there is no catalog/{name}.yaml" for name in plans if name not in catalog]
    for name in [each for each in catalog if each in plans and (not names or each in names)]:
        plan = plans[name]
        if "files" not in plan:
            print(f"{name:<20} not held: {plan['none']}")
            continue
        missing = [each for each in plan["files"] if not (folder / each).is_file()]
        if missing:
            errors.append(f"{name}: {', '.join(missing)} is not below {folder}")
            continue
        held = Held(name, plan, folder).run()
        wrong, deviations = judge(held)
        errors += wrong
        bare = f"; no fields are told of the answers to {', '.join(sorted(held.bare))}" if held.bare else ""
        print(f"{name:<20} {held.count:>3} requests, {deviations} deviations" + (f", {len(wrong)} ERRORS" if wrong else "") + bare)
    errors += proven(plans["okta"], folder) if (folder / plans["okta"]["files"][0]).is_file() else []
    for each in errors:
        print(f"error: {each}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
