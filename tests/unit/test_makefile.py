"""The Makefile works with what every Mac has, GNU make 3.81 and bash 3.2, and passes over no failure."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")

# What came after 3.81: special targets and variables, functions, operators, directives.
NEWER_MAKE = re.compile(
    r"\.ONESHELL|\.SHELLFLAGS|\.RECIPEPREFIX|\.EXTRA_PREREQS|\.NOTINTERMEDIATE|\.LOADED"
    r"|\$[({](?:file|guile|let|intcmp)[ ,]|:::?=|!=\s|&:|^(?:undefine|private|load|-load|define \S+ *=)",
    re.MULTILINE,
)
# What came after 3.2, of what people write without thinking of it.
NEWER_BASH = re.compile(
    r"&>>|\|&|;;?&|\b(?:mapfile|readarray|coproc)\b|\b(?:declare|local) -[a-z]*[Anglu]"
    r"|\$\{\w+(?:\^|,|@)|\[\[? -v "
)

# A program that says in LOG how it was called. The one call that FAIL names fails. An environment that it
# is asked for gets programs that are this one again.
STUB = """#!/bin/bash
call="${0##*/} $*"
printf '%s\\n' "${call//$'\\n'/ }" >> "$LOG"
[ "$call" = "$FAIL" ] && exit 9
case "$call" in
  *" -m venv "*|"uv venv "*)
    folder="${call##* }"
    mkdir -p "$folder/bin"
    touch "$folder/pyvenv.cfg"
    for name in python uv ruff mypy; do cp "$STUB" "$folder/bin/$name"; done;;
  "uv python find "*) echo python3.13;;
esac
exit 0
"""
# Commands whose failing only means that the next way is tried.
TRIES = ("import venv", "python find", "python install")


def _recipes(text: str) -> list[str]:
    """The lines of all recipes as a shell gets them: with those that continue them, without prefixes."""
    joined = re.sub(r"\\\n\t?", "\\\n", text)
    lines = re.findall(r"^\t((?:.*\\\n)*.*)$", joined, re.MULTILINE)
    expanded = [re.sub(r"\$[@*<^]|\$\([^()$]*\)", "name", line.replace("$$", "\0")) for line in lines]
    return [re.sub(r"^[@+-]*", "", line).replace("\0", "$") for line in expanded]


def _bare(line: str) -> str:
    """A line without what stands in quotes."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)


def _faults(text: str) -> list[str]:
    """What in a Makefile an old make or bash would stumble over, or what would hide a failure."""
    found = [f"newer make: {each[0].strip()}" for each in NEWER_MAKE.finditer(text)]
    for line in _recipes(text):
        checked = subprocess.run(["/bin/bash", "-n", "-c", line], capture_output=True, text=True, check=False)
        if checked.returncode:
            found.append(f"no whole command: {line}")
        if newer := NEWER_BASH.search(_bare(line)):
            found.append(f"newer bash: {newer[0]}")
        if ";" in _bare(line) and not line.startswith("set -e; "):
            found.append(f"goes on after a failure: {line}")
        if re.search(r"(?<!\|)\|(?!\|)", _bare(line)):
            found.append(f"a pipe hides a failure: {line}")
    return found


def test_an_old_make_and_an_old_bash_can_run_every_recipe() -> None:
    assert len(_recipes(TEXT)) > 40
    assert _faults(TEXT) == []


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (".ONESHELL:\na:\n\ttrue", "newer make: .ONESHELL"),
        ("now != date\na:\n\ttrue", "newer make: !="),
        ("a:\n\tfor x in 1 2; do\n\t    echo $$x\n\tdone", "no whole command: for x in 1 2; do"),
        ("a:\n\t@true; false; true", "goes on after a failure: true; false; true"),
        ("a:\n\t@false | true", "a pipe hides a failure: false | true"),
        ("a:\n\t@x=$$(pwd) && echo $${x^^}", "newer bash: ${x^"),
    ],
)
def test_what_they_cannot_run_is_found(recipe: str, told: str) -> None:
    assert told in _faults(recipe)
    assert _faults("a:\n\t@set -e; for x in 1 2; do \\\n\t    echo $$x; \\\n\tdone") == []


class Folder:
    """A copy of the Makefile and of what its targets wait for, where every program is the stub."""

    def __init__(self, path: Path) -> None:
        self.path = path / "project"
        self.path.mkdir()
        for name in ("Makefile", "requirements.txt", ".python-version", "package.json", "package-lock.json"):
            shutil.copy(ROOT / name, self.path)
        shutil.copytree(ROOT / "requirements", self.path / "requirements")
        (self.path / "console" / "node_modules").mkdir(parents=True)  # what `npm ci` makes
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "console" / name, self.path / "console")
        programs = path / "programs"
        programs.mkdir()
        self.stub = programs / "stub"
        self.stub.write_text(STUB)
        self.stub.chmod(0o755)
        for name in ("python3.13", "npm", "npx", "node", "chromium"):
            shutil.copy(self.stub, programs / name)
        self.log = path / "log"
        self._env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LOG": str(self.log),
            "STUB": str(self.stub),
            "HOME": str(path),
        }

    def make(self, *arguments: str, fail: str = "") -> "subprocess.CompletedProcess[str]":
        """Run make in a shell of its own; the call that `fail` names fails."""
        self.log.write_text("")
        return subprocess.run(
            ["make", *arguments],
            cwd=self.path,
            env={**self._env, "FAIL": fail},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def emptied(self) -> "Folder":
        """The same without what make has installed."""
        for name in (".tools", ".venv", "node_modules", "console/node_modules"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        (self.path / "console" / "node_modules").mkdir()
        return self

    @property
    def calls(self) -> list[str]:
        """How programs were called, in order."""
        return self.log.read_text().splitlines()


@pytest.mark.parametrize(
    "target",
    [
        "setup",
        "demo",
        "serve",
        "client",
        "check",
        "format",
        "unit",
        "quick",
        "long-tests",
        "client-tests",
        "oracles",
        "bench",
        "package",
        "lock",
    ],
)
def test_a_target_runs_its_commands_and_ends_at_the_first_that_fails(target: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (folder.path / "node_modules").mkdir()  # what `npm ci` makes
    done = folder.make(target)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = folder.calls
    assert len(calls) >= 8, calls
    needed = [call for call in dict.fromkeys(calls) if not any(tried in call for tried in TRIES)]
    for call in needed:
        folder.emptied()
        (folder.path / "node_modules").mkdir()
        failed = folder.make(target, fail=call)
        assert failed.returncode, f"{call} failed, and make {target} went on"
        assert folder.calls[-1] == call, failed.stdout + failed.stderr


def test_one_set_of_requirements_after_another_is_compiled(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.make("lock").returncode == 0
    compiled = {call.rpartition(" ")[2] for call in folder.calls if call.startswith("uv pip compile")}
    there = {f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt")}
    assert compiled == {"requirements.txt", *there}


def test_help_lists_every_target_without_colours_where_nobody_looks(tmp_path: Path) -> None:
    said = Folder(tmp_path).make().stdout
    assert "\x1b" not in said
    listed = re.findall(r"^  make (\S+) +\S", said, re.MULTILINE)
    assert listed == re.findall(r"^\.PHONY: (\S+)", TEXT, re.MULTILINE)


def test_without_a_python_that_makes_environments_it_says_what_to_install(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for name in ("python3.13", "python3.12", "python3.14", "python3", "python"):
        program = tmp_path / "programs" / name
        program.write_text("#!/bin/bash\nexit 1\n")
        program.chmod(0o755)
    done = folder.make("demo")
    assert done.returncode
    assert "serverless-ml needs Python 3.12 or newer" in done.stderr
    assert not (folder.path / ".tools").exists()
