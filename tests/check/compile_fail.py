#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Sources that must not compile, and what their authors must read: a file's lines `// expect: REGEX`. With the macro
RIGHT defined the same file must compile, where it says `#ifdef RIGHT`.  compile_fail.py FOLDER COMPILER [FLAGS...]
All of them are compiled as one, each in a namespace of its own, which takes as long as three of them alone. What is not
as expected then is compiled alone, and so is what must stand in no namespace."""
import glob
import os
import re
import subprocess
import sys
import tempfile

FOLDER, COMPILER = sys.argv[1], sys.argv[2:]


class Source:
    def __init__(self, path):
        self.path, self.text = path, open(path).read()
        self.name = os.path.basename(path)[:-4]
        self.expected = re.findall(r"^// expect: (.+)$", self.text, re.M)
        self.has_right = "RIGHT" in self.text
        self.joins = not re.search(r"^template <>", self.text, re.M)
        assert self.expected, f"{path}: has no line '// expect: REGEX'"

    def missing(self, output):
        output = re.sub(r"\s+", " ", output)
        return [sentence for sentence in self.expected if not re.search(sentence.strip(), output)]


def compiled(path, *flags):
    return subprocess.run([*COMPILER, *flags, "-fsyntax-only", path], capture_output=True, text=True)


def joined(sources, *flags):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as f:
        includes = {line for s in sources for line in re.findall(r"^#include .*$", s.text, re.M)}
        f.write("\n".join(sorted(includes)) + "\n")
        f.writelines(f'namespace {s.name} {{\n#include "{s.path}"\n}}\n' for s in sources)
        f.flush()
        return compiled(f.name, *flags)


def errors(output):
    """The output in pieces of one error: what it is instantiated by stands before it, the rest behind it."""
    piece, has_error = [], False
    for line in output.splitlines():
        is_error = re.search(r": (fatal )?error: ", line)
        if has_error and (is_error or re.search(r": In |required (from|by)|^In file included|^ +from ", line)):
            yield "\n".join(piece)
            piece, has_error = [], False
        piece.append(line)
        has_error = has_error or bool(is_error)
    yield "\n".join(piece)


def wrong_alone(s):
    run = compiled(s.path)
    if run.returncode == 0:
        return "compiles, and must not"
    missing = s.missing(run.stderr)
    return f"fails, but does not say {missing}:\n{run.stderr[:4000]}" if missing else ""


def main():
    sources = [Source(path) for path in sorted(glob.glob(os.path.join(os.path.abspath(FOLDER), "*.cpp")))]
    pieces = list(errors(joined([s for s in sources if s.joins]).stderr))
    failures = 0
    alone = []
    for s in sources:
        said = "\n".join(piece for piece in pieces if f"/{s.name}.cpp:" in piece)
        if s.joins and not s.missing(said):
            continue
        alone.append(s.name)
        if why := wrong_alone(s):
            failures += 1
            print(f"{s.path}: {why}")
    right = [s for s in sources if s.has_right]
    if joined([s for s in right if s.joins], "-DRIGHT").returncode == 0:
        right = [s for s in right if not s.joins]
    for s in right:
        run = compiled(s.path, "-DRIGHT")
        if run.returncode != 0:
            failures += 1
            print(f"{s.path}: the right use does not compile either:\n{run.stderr[:4000]}")
    print(f"compile_fail: {len(sources)} sources, {failures} not as expected; compiled alone: {', '.join(alone) or 'none'}")
    return 1 if failures or not sources else 0


sys.exit(main())
