"""What the next exports of both HR systems say: a promotion, a return from leave, a leaver, and somebody who moves from Brightwell to Acme."""

import pathlib
import re


def edit(path, *changes):
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8")
    for was, now in changes:
        text, found = re.subn(was, now, text)
        assert found == 1, was
    path.write_text(text, encoding="utf-8")


edit(
    "hr/people.csv",
    (r"(1008,Wei,Zhang,.*),Engineer,5,", r"\1,Staff Engineer,6,"),
    (r"(1016,Noor,.*),leave,", r"\1,active,"),
    (r"\Z", "1037,Siân,Rees,1992-01-30,sian.rees@acme.example,,Site Reliability Engineer,5,211,GB,Cardiff,1010,active,2026-11-01,\n"),
)
edit(
    "hr/brightwell.ndjson",
    (r'("BW-04".*"state": )"Active"', r'\1"Left"'),
    (r'("BW-07".*"state": )"Active"', r'\1"Left"'),
)
