"""GitHub: the members of the organisation acme, its teams and who is in them; lists go on by a Link header."""

import re

from common import GONE, PAGE, PEOPLE, Refused, route


class GitHub:
    """api.github.com of one organisation. A team's address changes with its name."""

    def __init__(self):
        self.members = {}
        for number, first, last, *_ in PEOPLE:
            self.members[f"{first}-{last}".lower()] = number
        self.teams, self.next = {}, 1

    def stands(self):
        """Who is in which team, and who is no member any more."""
        return {team["name"]: sorted(team["in"]) for team in self.teams.values()} | {"members": len(self.members)}

    def answer(self, ask):
        if ask.bearer() != "github-token":
            self.refuse(401, "Bad credentials")
        routes = [
            (r"/members", {"GET": lambda ask: self.page(ask, [self.user(login) for login in self.members])}),
            (r"/memberships/([^/]+)", {"GET": self.membership, "DELETE": self.leave}),
            (r"/teams", {"GET": lambda ask: self.page(ask, [self.shown(team) for team in self.teams.values()]), "POST": self.make}),
            (r"/teams/([^/]+)", {"GET": lambda _, slug: (200, self.shown(self.team(slug))), "PATCH": self.rename, "DELETE": self.delete}),
            (r"/teams/([^/]+)/members", {"GET": lambda ask, slug: self.page(ask, [self.user(login) for login in self.team(slug)["in"]])}),
            (r"/teams/([^/]+)/memberships/([^/]+)", {"PUT": self.join, "DELETE": self.take}),
        ]
        if not ask.path.startswith("/orgs/acme/"):
            self.refuse(404, "Not Found")
        return route(routes, ask.path.removeprefix("/orgs/acme"), ask) or self.refuse(404, "Not Found")

    @staticmethod
    def refuse(status, message, **more):
        raise Refused(status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status), **more})

    @staticmethod
    def page(ask, every):
        size, number = min(int(ask.query.get("per_page", 30)), PAGE), int(ask.query.get("page", 1))
        last = -(-len(every) // size) or 1
        at = lambda page, rel: f'<{ask.origin}/github{ask.path}?per_page={size}&page={page}>; rel="{rel}"'  # noqa: E731
        links = [at(number + 1, "next"), at(last, "last")] if number < last else []
        links += [at(number - 1, "prev"), at(1, "first")] if number > 1 else []
        return 200, every[(number - 1) * size:number * size], {"Link": ", ".join(links)} if links else {}

    def user(self, login):
        here = f"https://api.github.com/users/{login}"
        parts = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")
        return {"login": login, "id": self.members[login], "node_id": f"U_{self.members[login]}", "avatar_url": "", "gravatar_id": "", "url": here,
                "html_url": f"https://github.com/{login}", "type": "User", "site_admin": False, **{f"{part}_url": f"{here}/{part}" for part in parts}}

    def shown(self, team):
        here = f"https://api.github.com/organizations/1/team/{team['id']}"
        return {"id": team["id"], "node_id": f"T_{team['id']}", "name": team["name"], "slug": team["slug"], "description": team["description"],
                "privacy": "closed", "permission": "pull", "type": "organization", "url": here, "html_url": f"https://github.com/orgs/acme/teams/{team['slug']}",
                "members_url": here + "/members{/member}", "repositories_url": here + "/repos", "parent": None}

    def team(self, slug):
        return self.teams.get(slug) or self.refuse(404, "Not Found")

    def known(self, login):
        return login.lower() if login.lower() in self.members else self.refuse(404, "Not Found")

    def membership(self, _, login):
        login, here = self.known(login), "https://api.github.com/orgs/acme"
        organization = {"login": "acme", "id": 1, "node_id": "O_1", "url": here, "repos_url": "", "events_url": "", "hooks_url": "", "issues_url": "",
                        "members_url": "", "public_members_url": "", "avatar_url": "", "description": None}
        return 200, {"url": f"{here}/memberships/{login}", "state": "active", "role": "member", "organization_url": here, "user": self.user(login),
                     "organization": organization}

    def leave(self, _, login):
        del self.members[self.known(login)]
        for team in self.teams.values():
            team["in"] = [one for one in team["in"] if one != login.lower()]
        return GONE

    def named(self, name, but=None):
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if self.teams.get(slug, but) is not but:
            self.refuse(422, "Validation Failed", errors=[{"resource": "Team", "code": "already_exists", "field": "name", "message": "Name must be unique for this org"}])
        return slug

    def make(self, ask):
        slug = self.named(ask.body["name"])
        self.teams[slug] = {"id": self.next, "name": ask.body["name"], "slug": slug, "description": ask.body.get("description"), "in": []}
        self.next += 1
        return 201, self.shown(self.teams[slug])

    def rename(self, ask, slug):
        team = self.team(slug)
        new = self.named(ask.body.get("name", team["name"]), team)
        team.update({name: ask.body[name] for name in ("name", "description") if name in ask.body}, slug=new)
        self.teams = {one["slug"]: one for one in self.teams.values()}
        return 200, self.shown(team)

    def delete(self, _, slug):
        del self.teams[self.team(slug)["slug"]]
        return GONE

    def join(self, ask, slug, login):
        team, login = self.team(slug), self.known(login)
        if login not in team["in"]:
            team["in"].append(login)
        return 200, {"url": f"https://api.github.com/organizations/1/team/{team['id']}/memberships/{login}", "role": ask.body.get("role", "member"), "state": "active"}

    def take(self, _, slug, login):
        team = self.team(slug)
        if login.lower() not in team["in"]:
            self.refuse(404, "Not Found")
        team["in"].remove(login.lower())
        return GONE
