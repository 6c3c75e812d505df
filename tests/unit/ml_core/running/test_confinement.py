"""What a process that has given up everything can still do: tried by programs in the graph's place."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ml_core.running.seccomp import _SYSTEMS
from ml_core.sandbox.child_process import PACKAGES

NOBODY = 65534
IS_ROOT = os.geteuid() == 0
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")

# A program in the place of a child: it imports what it needs, gives up what a child does, and tries.
PROGRAM = """
import codecs, ctypes, mmap, os, resource, signal, socket, subprocess, sys, threading, time
import numpy, onnxruntime
import ml_core.running.confinement as confinement

libc = ctypes.CDLL(None, use_errno=True)
codecs.lookup("ascii")  # it is a module like any other
if sys.argv[3:]:  # another user, and so is the parent
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[3]))
    libc.prctl(4, 1, 0, 0, 0)  # as a program is that was started by that user
    if os.fork():
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
parent = os.getppid()
kept, left = 0, os.open("/dev/null", os.O_RDONLY)
if sys.argv[2] == "without":
    confinement.allow_computing_alone = lambda: False
held = confinement.confine(1 << 30, sys.argv[1])

def called(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def tried():
{trick}

try:
    tried()
    print("done", held)
except (OSError, RuntimeError, MemoryError, ValueError) as error:
    print("refused", held, type(error).__name__, error)
"""

# What only seccomp refuses, or does to a process of the same user.
TRICKS = {
    "read a file": "open('/etc/passwd').read()",
    "read a file by a name of its own": "open('in_this_folder').read()",
    "read the parent's environment": "open(f'/proc/{parent}/environ').read()",
    "read the parent's memory": "open(f'/proc/{parent}/mem', 'rb')",
    "list a folder": "os.listdir('/')",
    "make a file": "open('made', 'w')",
    "make a file elsewhere": "open(f'{sys.argv[1]}/made', 'w')",
    "write to a file that is open": "os.write(kept, bytes(10_000))",
    "read what a library has left open": "os.read(left, 1)",
    "make a socket": "socket.socket(socket.AF_INET)",
    "make a pair of sockets": "socket.socketpair()",
    "listen": "socket.socket(socket.AF_UNIX)",
    "fork": "os.fork()",
    "start a program": "subprocess.run(['/bin/true'])",
    "take more files": "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))",
    "take more addresses": "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
    "take more than its memory": "bytearray(2 << 30)",
}
ONLY_SECCOMP = {
    "become a program": "os.execv('/bin/true', ['true'])",
    "start a thread": "threading.Thread(target=print).start()",
    "end the parent": "os.kill(parent, signal.SIGKILL)",
    "stop its group": "os.killpg(0, signal.SIGTERM)",
    "look into the parent": "called(101, 16, parent, 0, 0)",  # ptrace(PTRACE_ATTACH)
    "read the parent's memory at once": "called(310, parent, 0, 0, 0, 0, 0)",  # process_vm_readv
    "write the parent's memory": "called(311, parent, 0, 0, 0, 0, 0)",  # process_vm_writev
    "map code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "make memory of its own code": "called(10, ctypes.c_void_p(id(libc) & ~4095), 4096, 7)",
    "ask the kernel in another way": "called(425, 1, bytes(120))",  # io_uring_setup
    "map a file": "mmap.mmap(kept, 4, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "live on without its parent": "called(157, 1, 0, 0, 0, 0)",  # prctl(PR_SET_PDEATHSIG)
}


def told(trick: str, tmp_path: Path, *, seccomp: bool = True, user: tuple[str, ...] = ()) -> str:
    """What the program says."""
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept"
    kept.write_bytes(b"kept")
    kept.chmod(0o666)
    (tmp_path / "in_this_folder").write_text("something")
    program = PROGRAM.replace("{trick}", textwrap.indent(trick, "    "))
    with kept.open("r+b") as stdin:
        ran = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), "with" if seccomp else "without", *user],
            cwd=tmp_path,
            env={"PYTHONPATH": PACKAGES, "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"},
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
    assert kept.read_bytes() == b"kept"
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "in_this_folder"}
    return ran.stdout + ran.stderr


def test_a_program_that_tries_nothing_is_held(tmp_path: Path) -> None:
    """Else what follows would pass for any program."""
    assert told("pass", tmp_path) == f"done {sys.platform == 'linux'}\n"
    assert told("pass", tmp_path, seccomp=False) == "done False\n"


@linux
@pytest.mark.parametrize("trick", [*TRICKS, *ONLY_SECCOMP])
def test_nothing_but_computing_is_left(trick: str, tmp_path: Path) -> None:
    if os.uname().machine != "x86_64" and "called" in ONLY_SECCOMP.get(trick, ""):
        pytest.skip("the number of the call is another here")
    said = told({**TRICKS, **ONLY_SECCOMP}[trick], tmp_path)
    assert said.startswith("refused True "), said


@linux
@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("trick", ["read the parent's environment", "end the parent", "fork", "read a file"])
def test_nor_to_another_user_than_root(trick: str, tmp_path: Path) -> None:
    said = told({**TRICKS, **ONLY_SECCOMP}[trick], tmp_path, user=(str(NOBODY),))
    assert said.startswith("refused True "), said


@pytest.mark.parametrize("trick", TRICKS)
def test_without_seccomp_files_sockets_and_processes_are_refused_all_the_same(
    trick: str, tmp_path: Path
) -> None:
    said = told(TRICKS[trick], tmp_path, seccomp=False)
    assert said.startswith("refused False "), said


@pytest.mark.skipif(not IS_ROOT, reason="who is not root stays who it is")
def test_root_becomes_nobody(tmp_path: Path) -> None:
    assert "65534 65534" in told("print(os.getresuid()[2], os.getresgid()[2])", tmp_path, seccomp=False)
    said = told("os.kill(parent, 0)", tmp_path, seccomp=False)
    assert "PermissionError" in said


@linux
def test_a_life_has_an_end_even_where_nobody_looks(tmp_path: Path) -> None:
    program = PROGRAM.replace("held = ", "confinement.MOST_CPU_SECONDS = 1\nheld = ").replace(
        "{trick}", "    while True:\n        pass"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), "with"],
        env={"PYTHONPATH": PACKAGES, "ORT_DISABLE_TELEMETRY": "1"},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert ran.returncode in {-signal.SIGXCPU, -signal.SIGKILL}  # both limits are one


@linux
def test_what_computing_takes_is_left(tmp_path: Path) -> None:
    computing = """
        a = numpy.linspace(0, 1, 250_000).reshape(500, 500)
        assert numpy.isfinite(a @ a).all()
        lock = threading.Lock()
        assert lock.acquire(timeout=0.01) and not lock.acquire(timeout=0.01)
        assert time.time() > 1 and time.monotonic() and time.process_time()
        time.sleep(0.001)
        mmap.mmap(-1, 1 << 20).close()
        os.read(kept, 4)
    """
    assert told(textwrap.dedent(computing).strip(), tmp_path) == "done True\n"


@linux
def test_a_function_hides_its_environment_and_memory_from_its_own_user() -> None:
    """A parent with a secret; the one who looks is its child, with no limits at all."""
    parent = """
import ctypes, os, sys
from ml_core.running.confinement import hide_from_children
if os.getuid() == 0:  # root sees everything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
if sys.argv[1] == "hidden":
    hide_from_children()
if os.fork():
    os.wait()
    os._exit(0)
for name in ("environ", "mem", "maps"):
    try:
        with open(f"/proc/{os.getppid()}/{name}", "rb") as file:
            print(name, name == "mem" or b"secret" in file.read(4096))
    except OSError as error:
        print(name, type(error).__name__)
"""

    def seen(how: str) -> list[str]:
        ran = subprocess.run(
            [sys.executable, "-c", parent, how],
            env={"PYTHONPATH": PACKAGES, "KEY": "secret"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.split()

    assert seen("open")[:4] == ["environ", "True", "mem", "True"]
    assert seen("hidden") == [
        "environ",
        "PermissionError",
        "mem",
        "PermissionError",
        "maps",
        "PermissionError",
    ]


HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
CALLS = [
    "read", "write", "close", "fstat", "lseek", "munmap",
    "brk", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "readv", "writev",
    "sched_yield", "mremap", "madvise", "nanosleep", "getpid", "exit",
    "gettimeofday", "sigaltstack", "gettid", "futex", "sched_getaffinity", "restart_syscall",
    "clock_gettime", "clock_getres", "clock_nanosleep", "exit_group", "set_robust_list", "getcpu",
    "getrandom", "membarrier", "rseq",
]  # fmt: skip


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_systems_headers(machine: str) -> None:
    if not os.path.exists(HEADERS[machine]):
        pytest.skip("the kernel's headers are not installed")
    text = Path(HEADERS[machine]).read_text(encoding="ascii")
    numbers = {
        name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\b", text)
    }
    system = _SYSTEMS[machine]
    assert [numbers[name] for name in CALLS] == list(system.calls)
    assert (numbers["mmap"], numbers["mprotect"], numbers["seccomp"]) == (*system.memory, system.seccomp)
