#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A source that must not compile, and what its author must read: the file's lines `// expect: REGEX`. With the macro
RIGHT defined the same file must compile, where it says `#ifdef RIGHT`.  compile_fail.py SOURCE COMPILER [FLAGS...]
What most of them include is compiled once: compile_fail.py --precompile HEADER COMPILER [FLAGS...], then `-include HEADER`
is among the flags."""
import re
import subprocess
import sys

if sys.argv[1] == "--precompile":
    header, compiler = sys.argv[2], sys.argv[3:]
    with open(header, "w") as f:
        f.writelines(f"#include <antiphon/{name}.hpp>\n" for name in ("jobs", "polling", "pubsub", "server", "sse"))
    sys.exit(subprocess.run([*compiler, "-x", "c++-header", header, "-o", header + ".gch"]).returncode)

source, compiler = sys.argv[1], sys.argv[2:]
text = open(source).read()
expected = re.findall(r"^// expect: (.+)$", text, re.M)
if not expected:
    sys.exit(f"{source}: has no line '// expect: REGEX'")
run = subprocess.run([*compiler, "-fsyntax-only", source], capture_output=True, text=True)
output = re.sub(r"\s+", " ", run.stderr)
if run.returncode == 0:
    sys.exit(f"{source}: compiles, and must not")
for sentence in expected:
    if not re.search(sentence.strip(), output):
        sys.exit(f"{source}: fails, but does not say '{sentence}':\n{run.stderr[:4000]}")
if "RIGHT" in text:
    run = subprocess.run([*compiler, "-DRIGHT", "-fsyntax-only", source], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{source}: the right use does not compile either:\n{run.stderr[:4000]}")
print("refused, and says why")
