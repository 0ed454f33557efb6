#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every header compiles alone, without a warning.  headers_alone.py COMPILER [FLAGS...]

A header that stands in a source behind headers which it includes itself is as good as alone: so a few sources of many
lines check what would else be a source for each header."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2] / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wsign-conversion", "-Werror"]
APART = "antiphon/src.hpp"  # it wants a macro


def check(chain):
    source = "".join(f"#include <{header}>\n" for header in [*chain, chain[-1]])
    separate = ["-DANTIPHON_SEPARATE_COMPILATION"] if chain == [APART] else []
    run = subprocess.run([*sys.argv[1:], *separate, *WARNINGS, "-x", "c++", "-fsyntax-only", "-"], input=source,
                         capture_output=True, text=True)
    return chain, run.returncode, run.stderr


def chains(headers):
    """Each begins with what the next one includes, and so on."""
    direct = {h: [i for i in re.findall(r"^\s*#\s*include\s*<(antiphon/[^>]+)>", (ROOT / h).read_text(), re.M) if i in headers]
              for h in headers}
    within = {}

    def closure(h):
        if h not in within:
            within[h] = set()
            for i in direct[h]:
                within[h] |= {i} | closure(i)
        return within[h]

    left = sorted(headers, key=lambda h: (len(closure(h)), h))
    while left:
        chain = [left.pop()]
        if chain[0] != APART:
            while inner := [h for h in left if h in closure(chain[-1])]:
                left.remove(inner[-1])
                chain.append(inner[-1])
        yield chain[::-1]


def main() -> int:
    headers = {str(p.relative_to(ROOT)) for p in ROOT.rglob("*.hpp")}
    for part, needs in (("antiphon/crypto", "openssl/hmac.h"), ("antiphon/deflate", "zlib.h")):
        if check([needs])[1] != 0:
            headers = {h for h in headers if not h.startswith(part)}
    bad = sources = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for chain, code, text in pool.map(check, chains(headers)):
            sources += 1
            if code != 0:
                bad += 1
                print(f"in this order they do not compile: {' '.join(chain)}\n{text[:3000]}")
    print(f"{len(headers)} headers in {sources} sources, of which {bad} do not compile")
    return 1 if bad or not headers else 0


sys.exit(main())
