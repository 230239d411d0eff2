"""Specifications of vendors (OpenAPI 3.0 and 3.1, Swagger 2), and values against their schemas; for tests/specifications.py.

A field that no schema names is unknown where others are named, unless further ones are allowed (`additionalProperties`).
"""

import json
import re

import yaml

VERBS = ("get", "post", "put", "patch", "delete")
# What a template makes, known when it is sent: it fits everywhere.
ANY = object()
# A schema may be made of alternatives of alternatives: so many are looked at.
ALTERNATIVES = 256


# --- reading ---------------------------------------------------------------------------------------------------------------------------------------------


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML as headcount reads it: `no` is a word, and a day is a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag.rsplit(":", 1)[1] not in ("timestamp", "bool", "value")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file) if path.suffix == ".json" else yaml.load(file, Loader=Loader)


class Specification:
    """One file of a vendor: OpenAPI 3 or Swagger 2."""

    def __init__(self, path):
        self.data = load(path)
        self.operations = []
        for template, item in self.data["paths"].items():
            item = self.deref(item)
            for verb in VERBS:
                if verb in item:
                    self.operations.append(Operation(self, template, verb, item, item[verb]))

    def deref(self, node):
        """Whatever a `$ref` stands for; with what stands beside it."""
        hops = 0
        while isinstance(node, dict) and isinstance(node.get("$ref"), str) and hops < 50:
            target = self.data
            for key in node["$ref"].removeprefix("#/").split("/"):
                key = key.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
                target = target.get(key) if isinstance(target, dict) else None
            beside = {key: value for key, value in node.items() if key != "$ref"}
            # A trimmed specification may lack what it refers to: that says nothing.
            node = {**(target or {}), **beside} if beside else (target or {})
            hops += 1
        return node


class Operation:
    """A path and its method."""

    def __init__(self, specification, template, verb, item, told):
        self.specification, self.template, self.verb, self.told = specification, template, verb, told
        deref = specification.deref
        self.parameters = [deref(each) for each in item.get("parameters", []) + told.get("parameters", [])]
        pieces = re.split(r"\{[^}]*\}", template)
        self.pattern = re.compile("[^/]+".join(re.escape(piece) for piece in pieces) + "$")
        self.wild = len(pieces)

    def named(self, place):
        return {each["name"]: each for each in self.parameters if each.get("in") == place}

    def contents(self):
        """What may be sent: media type to schema; and whether it must be there."""
        if "requestBody" in self.told:
            body = self.specification.deref(self.told["requestBody"])
            return {media: each.get("schema") or {} for media, each in body.get("content", {}).items()}, body.get("required", False)
        form = self.named("formData")
        if form:
            required = [name for name, each in form.items() if each.get("required")]
            schema = {"type": "object", "properties": form, "required": required}
            return {"application/x-www-form-urlencoded": schema}, bool(required)
        for each in self.parameters:
            if each.get("in") == "body":
                return {"application/json": each.get("schema", {})}, each.get("required", False)
        return {}, False

    def answers(self):
        """Schemas of what is answered when all is well."""
        found = []
        for status, answer in self.told.get("responses", {}).items():
            answer = self.specification.deref(answer)
            if str(status).startswith("2") or status == "default" and not found:
                found += [each["schema"] for each in answer.get("content", {}).values() if "schema" in each]
                found += [answer["schema"]] if "schema" in answer else []
        return found


# --- schemas ---------------------------------------------------------------------------------------------------------------------------------------------


class Part:
    """One alternative of a schema, all that it is made of in one."""

    def __init__(self):
        self.types, self.enum, self.items, self.limits = None, None, None, {}
        self.nullable, self.properties, self.required, self.open, self.more = False, {}, set(), False, None

    def take(self, schema):
        kinds = schema.get("type")
        if kinds is not None:
            self.types = set(kinds if isinstance(kinds, list) else [kinds])
        self.nullable |= bool(schema.get("nullable") or schema.get("x-nullable")) or "null" in (self.types or ())
        enum = [schema["const"]] if "const" in schema else schema.get("enum")
        self.enum = enum if enum is not None else self.enum
        self.items = schema.get("items", self.items)
        for name in ("maximum", "minimum", "maxLength", "maxItems"):
            if isinstance(schema.get(name), (int, float)):
                self.limits[name] = schema[name]
        for name, each in (schema.get("properties") or {}).items():
            self.properties.setdefault(name, []).append(each)
        self.required |= set(schema["required"]) if isinstance(schema.get("required"), list) else set()
        more = schema.get("additionalProperties")
        self.open |= more is True or isinstance(more, dict)
        self.more = more if isinstance(more, dict) and more else self.more
        return self

    def joined(self, other):
        both = Part()
        both.types = self.types & other.types if self.types and other.types and self.types & other.types else self.types or other.types
        both.enum = self.enum if other.enum is None else other.enum
        both.items, both.limits = self.items or other.items, {**self.limits, **other.limits}
        # All of several: where one of them says that nothing may stand there, it means itself.
        both.nullable = self.nullable or other.nullable
        both.properties = {name: self.properties.get(name, []) + other.properties.get(name, []) for name in {**self.properties, **other.properties}}
        both.required, both.open, both.more = self.required | other.required, self.open or other.open, self.more or other.more
        return both

    def names_nothing(self):
        return not self.properties and not self.more


class Schemas:
    """Values against the schemas of one specification."""

    def __init__(self, specification):
        self.deref = specification.deref

    def parts(self, schema, depth=0):
        """The alternatives that a schema has."""
        schema = self.deref(schema)
        if not isinstance(schema, dict) or depth > 20:
            return [Part()]
        found = [Part().take(schema)]
        for each in schema.get("allOf", []):
            found = [one.joined(other) for one in found for other in self.parts(each, depth + 1)][:ALTERNATIVES]
        for name in ("oneOf", "anyOf"):
            if schema.get(name):
                other = [part for each in schema[name] for part in self.parts(each, depth + 1)]
                found = [one.joined(part) for one in found for part in other][:ALTERNATIVES]
        return found

    def check(self, value, schemas, at, sent, complete=True):
        """What is wrong with a value: (place, words). `sent`: it is asked, not answered; `complete`: what is required must be there."""
        parts = [Part()]
        for schema in schemas:
            parts = [one.joined(other) for one in parts for other in self.parts(schema)][:ALTERNATIVES]
        return min((self.against(value, part, at, sent, complete) for part in parts), key=len)

    def against(self, value, part, at, sent, complete):
        if value is ANY:
            return []
        # Vendors answer null wherever they have nothing; what is asked is another matter.
        if value is None and not sent:
            return []
        if value is None:
            bare = part.types is None and part.names_nothing() and part.enum is None
            return [] if part.nullable or bare or part.enum and None in part.enum else [(at, "null, which the specification does not allow")]
        if part.types and not any(fits(value, kind) for kind in part.types):
            return [(at, f"{shown(value)} is no {' or '.join(sorted(part.types))}")]
        if part.enum is not None and value not in part.enum:
            return [(at, f"{shown(value)} is none of {', '.join(map(str, part.enum[:12]))}")]
        wrong = [(at, f"{shown(value)} is beyond {name} {limit}") for name, limit in part.limits.items() if beyond(value, name, limit)]
        if isinstance(value, list):
            # A list has one place: what is wrong with one of its values is wrong with the list.
            return wrong + [each for one in value for each in self.check(one, [part.items or {}], f"{at}[]", sent, complete)]
        if isinstance(value, dict):
            wrong += self.properties(value, part, at, sent, complete)
        return wrong

    def properties(self, value, part, at, sent, complete):
        wrong = []
        for name, each in value.items():
            place = f"{at}.{name}"
            if name in part.properties:
                told = part.properties[name]
                if sent and any(self.deref(one).get("readOnly") for one in told):
                    wrong.append((place, "is read only"))
                wrong += self.check(each, told, place, sent, complete)
            elif part.more:
                wrong += self.check(each, [part.more], place, sent, complete)
            elif part.properties and not part.open:
                wrong.append((place, "is unknown"))
        for name in sorted(part.required - set(value)) if sent and complete else []:
            if not any(self.deref(one).get("readOnly") for one in part.properties.get(name, [])):
                wrong.append((f"{at}.{name}", "is required"))
        return wrong

    def has(self, path, schema, depth=0):
        """Whether an answer may have a field; lists are looked through."""
        if not path or depth > 40:
            return True
        for part in self.parts(schema):
            if part.items is not None or part.types == {"array"}:
                if self.has(path, part.items or {}, depth + 1):
                    return True
            elif path[0] in part.properties:
                if any(self.has(path[1:], each, depth + 1) for each in part.properties[path[0]]):
                    return True
            elif part.open or part.more or not part.properties and (part.types or {"object"}) & {"object"}:
                return True
        return False

    def below(self, schemas, path):
        """The schemas that stand at a path."""
        for name in path:
            schemas = [each for schema in schemas for part in self.parts(schema) for each in part.properties.get(name, [])]
        return schemas


def fits(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) or isinstance(value, float) and value.is_integer()
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None), "file": str}
    return isinstance(value, kinds.get(kind, object))


def beyond(value, name, limit):
    if name in ("maximum", "minimum"):
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        return value > limit if name == "maximum" else value < limit
    return isinstance(value, str if name == "maxLength" else list) and len(value) > limit


def shown(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 60 else text[:57] + "…"
