"""What the tests need here: programs (installed on Debian as root, named elsewhere) and Python packages."""

import shutil
import sys

import debian
import shell
from failure import Failure
from lab import BUILD, ROOT
from screen import Screen

# program → Debian's package
PROGRAMS = {"sipp": "sip-tester", "chromium": "chromium"}
# what playwright's own node is linked against, and a minimal Debian lacks
LIBRARIES = ("libatomic1",)


def ensure(screen: Screen) -> None:
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if debian.is_debian():
        packages += [library for library in LIBRARIES if not debian.installed(library)]
    if not shell.works([sys.executable, "-c", "import ensurepip"]):
        packages.append("python3-venv")
    if not packages:
        return
    with screen.step("programs for the tests") as step:
        step.detail = step.result = " ".join(packages)
        try:
            debian.install(packages)
        except Failure as failure:
            raise Failure(f"the tests need programs that are not here\n{failure}") from failure


def ensure_packages(screen: Screen) -> None:
    """The virtual environment with exactly what requirements-dev.lock names."""
    venv = ROOT / ".venv"
    python = venv / "bin" / "python"
    with screen.step("Python packages in .venv") as step:
        if not python.exists():
            step.detail = "making the environment"
            shell.output([sys.executable, "-m", "venv", str(venv)], deadline=120)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
        wanted = ["--progress-bar", "off", "--require-hashes", "-r", str(ROOT / "requirements-dev.lock")]

        def on_line(line: str) -> None:
            words = line.split()
            if words and words[0] in {"Collecting", "Downloading", "Installing"}:
                step.detail = " ".join(words[:2])

        shell.logged([*pip, *wanted], BUILD / "pip.log", on_line=on_line, cwd=ROOT)
