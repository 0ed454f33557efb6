#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Rules that a compiler does not check: headers that cost, names of compilers, co_await expressions that some compilers
miscompile, licence lines."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COSTLY = re.compile(r"#\s*include\s*<(iostream|regex|functional|asio\.hpp)>")
QUIRKS = re.compile(r"\b(ASIO_VERSION|__GNUC__|__clang__|_MSC_VER|__clang_major__)\b")
# A temporary with a destructor inside a co_await expression is destroyed twice by g++ 12.
DANGER = re.compile(r"co_await [^;/]*(\[[^&\]\s][^\]]*\]\s*[({]|[({,]\s*\{\s*\.)")
ESCAPE = "co_await: trivial"


def main() -> int:
    bad = []
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        top = relative.parts[0]
        if top in ("build", ".git", "node_modules") or "node_modules" in relative.parts or not path.is_file():
            continue
        if path.suffix not in (".hpp", ".cpp", ".md", ".py", ".cmake", ".txt"):
            continue
        text = path.read_text(errors="replace")
        header = top == "include"
        if path.suffix in (".hpp", ".cpp") and "SPDX-License-Identifier: BSL-1.0" not in text[:200]:
            bad.append(f"{relative}: the first line names no licence (SPDX-License-Identifier: BSL-1.0)")
        if header and "#pragma once" not in text:
            bad.append(f"{relative}: no #pragma once")
        if header and text.count("\n") > 400:
            bad.append(f"{relative}: {text.count(chr(10))} lines: one noun a header")
        for number, line in enumerate(text.splitlines(), 1):
            if header and COSTLY.search(line):
                bad.append(f"{relative}:{number}: a header that costs every user: {line.strip()}")
            if header and QUIRKS.search(line) and relative.name != "asio.hpp":
                bad.append(f"{relative}:{number}: versions and compilers are named in core/detail/asio.hpp only")
            if top in ("include", "examples", "docs") or relative.name == "README.md":
                if DANGER.search(line) and ESCAPE not in line:
                    bad.append(f"{relative}:{number}: name the temporary first, then co_await: {line.strip()}")
    print("\n".join(bad) or "the sources keep the rules")
    return 1 if bad else 0


sys.exit(main())
