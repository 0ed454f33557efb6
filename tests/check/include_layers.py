#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the #include lines of the headers: they point down only (docs/design.md, the table of layers)."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2] / "include" / "antiphon"
# What each folder may include, besides itself. An entry with a slash is one header.
MAY = {
    "core": set(),
    "http": {"core"},
    "pubsub": {"core"},
    "server": {"core", "http"},
    "client": {"core", "http"},
    "polling": {"core", "http", "server/router.hpp", "client"},
    "sse": {"core", "http", "server/router.hpp", "client"},
    "websocket": {"core", "http", "server/router.hpp", "client"},
    "live": {"core", "http", "pubsub", "client", "polling", "sse", "websocket", "server/router.hpp"},
    "jobs": {"core", "http", "pubsub", "client", "polling", "sse", "websocket", "server/router.hpp"},
    "crypto": {"core", "http", "server"},
    "deflate": {"core", "http"},
    "testing": {"core", "http", "server", "pubsub", "client"},
}


def main() -> int:
    bad = []
    count = 0
    for path in sorted(ROOT.rglob("*.hpp")):
        folder = path.relative_to(ROOT).parts[0]
        if path.parent == ROOT:
            continue  # umbrella headers
        if folder not in MAY:
            bad.append(f"{path}: the folder '{folder}' has no place in the table of this check")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r"\s*#\s*include\s*<antiphon/([^>]+)>", line)
            if not found:
                continue
            count += 1
            target = found[1]
            top = target.split("/")[0]
            if "/" not in target:
                bad.append(f"{path}:{number}: includes the umbrella {target}; name the header")
            elif top != folder and top not in MAY[folder] and target not in MAY[folder]:
                bad.append(f"{path}:{number}: {folder} may not include {target}")
            elif not (ROOT / target).exists():
                bad.append(f"{path}:{number}: {target} does not exist")
    print("\n".join(bad) or f"{count} includes point down")
    return 1 if bad else 0


sys.exit(main())
