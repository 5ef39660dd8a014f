"""The links between documents lead somewhere: python3 links.py FOLDER.

Of every .md file below the folder: a link to a path must be a file or folder there, and what stands
behind a # the name of a heading, as GitHub makes it.
"""

import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


def anchors(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(text)}


def problems(folder):
    for document in sorted(folder.rglob("*.md")):
        for link in LINK.findall(CODE.sub("", document.read_text())):
            path, _, anchor = link.partition("#")
            target = document.parent / path if path else document
            if re.match(r"[a-z]+:", link):
                continue
            if not target.exists():
                yield f"{document}: {link} is not there"
            elif anchor and anchor not in anchors(target):
                yield f"{document}: {link}: there is no such heading"


found = list(problems(pathlib.Path(sys.argv[1])))
print(*found, sep="\n", end="\n" if found else "")
sys.exit(bool(found))
