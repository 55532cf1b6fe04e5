"""Whether the tests find faults: `python tests/plant_faults.py [--rooms] [WORD …]` plants those of `faults.toml`.

Each is planted in a fresh copy of the tree, because compiled loops are cached by path, also where they hold others that
changed. The tests of its room run first, and where they pass the default tier, unless `--rooms` is given. WORD chooses
faults by a part of their name. The tests must pass without faults. Ends with an error where fewer than nine in ten are
found.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARE = 18 / 20


def faults() -> list[dict]:
    """The list, each entry checked to be a change of one line that stands once in its file."""
    listed = tomllib.loads((ROOT / "tests" / "faults.toml").read_text("utf-8"))["fault"]
    for fault in listed:
        lines = (ROOT / fault["file"]).read_text("utf-8").splitlines()
        if lines.count(fault["before"]) != 1:
            raise SystemExit(
                f"{fault['name']}: stands {lines.count(fault['before'])} times in {fault['file']}: renew it"
            )
        if fault["before"] == fault["after"] or "\n" in fault["after"]:
            raise SystemExit(f"{fault['name']}: must change one line")
    return listed


def copy_tree(to: Path) -> None:
    """What git tracks or would track; symbolic links are followed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


def first_failure(tree: Path, paths: Sequence[str], *options: str) -> str | None:
    """The test that fails first in a tree, or None where all pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *paths]
    result = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tree)}
    )
    if result.returncode == 0:
        return None
    if result.returncode not in (1, 2):  # failed, or not even collected
        raise SystemExit(result.stdout + result.stderr)
    failed = [line for line in result.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0].split(" ", 2)[1] if failed else result.stdout[-500:]


def found_by(fault: dict, *, rooms: bool) -> str | None:
    """The test that finds a fault."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        file = tree / fault["file"]
        lines = file.read_text("utf-8").split("\n")
        lines[lines.index(fault["before"])] = fault["after"]
        file.write_text("\n".join(lines), "utf-8")
        failure = first_failure(tree, fault["tests"])
        return failure if failure or rooms else first_failure(tree, [], "-n", "auto")


def main(arguments: list[str]) -> None:
    """Plant the chosen faults, all without a word."""
    words = [word for word in arguments if word != "--rooms"]
    chosen = [fault for fault in faults() if not words or any(word in fault["name"] for word in words)]
    count = 0
    for fault in chosen:
        test = found_by(fault, rooms="--rooms" in arguments)
        count += test is not None
        print(
            f"{'survived' if test is None else 'caught  '}  {fault['name']} ({fault['file']})  {test or ''}", flush=True
        )
    print(f"{count} of {len(chosen)} faults are found")
    if count < SHARE * len(chosen):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
