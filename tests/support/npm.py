# SPDX-License-Identifier: BSL-1.0
"""Packages of npm's, of one version each, below the build directory."""
import os
import shutil
import subprocess


def node_version():
    """The first number of it; 0 where there is no Node."""
    if not shutil.which("node"):
        return 0
    return int(subprocess.run(["node", "--version"], capture_output=True, text=True).stdout[1:].split(".")[0])


def installed(directory, packages, node=0):
    """Installs them, once; false after a sentence, where it cannot be, or Node is older."""
    if not node_version() or not shutil.which("npm"):
        print("skipped: there is no Node with npm (apt install nodejs npm)")
        return False
    if node_version() < node:
        print(f"skipped: the packages want Node {node} or a newer one")
        return False
    done = os.path.join(directory, "installed")
    if os.path.exists(done) and open(done).read().split() == packages:
        return True
    os.makedirs(directory, exist_ok=True)
    try:
        ran = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save",
                              "--fetch-retries=0", "--prefix", directory, *packages],
                             capture_output=True, timeout=100, cwd=directory)
        failed = ran.returncode != 0 and ran.stderr.decode().strip()
    except subprocess.TimeoutExpired:
        failed = "it takes too long"
    if failed:
        print(f"skipped: npm does not install {' '.join(packages)}: {failed.splitlines()[0]}")
        return False
    with open(done, "w") as f:
        f.write("\n".join(packages))
    return True
