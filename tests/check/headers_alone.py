#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every header compiles alone, without a warning.  headers_alone.py COMPILER [FLAGS...]"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2] / "include"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wsign-conversion", "-Werror"]


def check(header):
    source = f"#include <{header}>\n#include <{header}>\n"
    separate = ["-DANTIPHON_SEPARATE_COMPILATION"] if header == "antiphon/src.hpp" else []
    run = subprocess.run([*sys.argv[1:], *separate, *WARNINGS, "-x", "c++", "-fsyntax-only", "-"], input=source,
                         capture_output=True, text=True)
    return header, run.returncode, run.stderr


def main() -> int:
    headers = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*.hpp"))
    for part, needs in (("antiphon/crypto", "openssl/hmac.h"), ("antiphon/deflate", "zlib.h")):
        if check(needs)[1] != 0:
            headers = [h for h in headers if not h.startswith(part)]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, text in pool.map(check, headers):
            if code != 0:
                bad += 1
                print(f"{header} does not compile alone:\n{text[:3000]}")
    print(f"{len(headers) - bad} of {len(headers)} headers compile alone")
    return 1 if bad or not headers else 0


sys.exit(main())
