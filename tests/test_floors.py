"""The floors hold at run time too: what an import brings along, seen in fresh interpreters.

import-linter reads the source; these look at `sys.modules`, so they also catch a library of ours that imports Qt or
torch behind our back. And the second front end works with PySide6 and torch not there at all.
"""

from __future__ import annotations

import os
import pkgutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NetworkBlockedError

ROOT = Path(__file__).parents[1]
QT = {"PySide6", "shiboken6"}
TORCH = {"torch", "transformers", "triton"}

# Stands for "not installed": an import of these fails as it would without the package.
BLOCK = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, NotInstalled())
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, in the root of the tree."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def packages_after(*modules: str) -> set[str]:
    """The top-level packages that are imported once these modules are."""
    imports = "\n".join(f"import {module}" for module in modules)
    result = run_python(f"{imports}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))")
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def modules_of(package: str) -> list[str]:
    """Every module of a package, the package itself first."""
    found = pkgutil.walk_packages([str(ROOT / package)], f"{package}.", onerror=lambda name: None)
    return [package, *(module.name for module in found)]


def test_media_knows_neither_qt_nor_torch() -> None:
    modules = modules_of("media")
    assert "media.convert" in modules
    assert not packages_after(*modules) & (QT | TORCH)


@pytest.mark.parametrize(
    "module",
    [
        "core_model",
        "core_model.types",
        "core_model.errors",
        "core_model.assistant",
        "core_model.canvas",
        "core_model.config",
        "core_model.fake_assistant",
        "core_model.cli",
    ],
)
def test_the_vocabulary_of_the_model_brings_no_torch_and_no_qt(module: str) -> None:
    assert not packages_after(module) & (QT | TORCH)


def test_the_model_knows_no_qt_and_no_transformers() -> None:
    brought = packages_after("core_model.local_assistant")
    assert "torch" in brought
    assert not brought & (QT | {"transformers"})


def test_the_command_brings_neither_window_nor_model() -> None:
    assert not packages_after("main") & (QT | TORCH | {"gui", "core_model", "media"})


def test_the_window_opens_without_torch() -> None:
    brought = packages_after(*modules_of("gui"))
    assert "PySide6" in brought
    assert not brought & TORCH


RUN_MAIN = "import runpy; sys.argv[0] = 'main.py'; runpy.run_path('main.py', run_name='__main__')"


def test_the_terminal_works_without_pyside6_and_helps_without_torch() -> None:
    result = run_python(BLOCK.format(blocked=QT | TORCH) + RUN_MAIN, "ask", "--help")
    assert result.returncode == 0, result.stderr
    assert "usage: altiplano ask" in result.stdout


def test_the_real_assistant_loads_without_pyside6() -> None:
    code = (
        BLOCK.format(blocked=QT)
        + "from core_model.cli import local_assistant; print(local_assistant().report().memory)"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr
    assert "weights_bytes=0" in result.stdout


def test_the_window_says_what_it_needs_without_pyside6() -> None:
    result = run_python(BLOCK.format(blocked=QT) + RUN_MAIN)
    assert result.returncode == 1
    assert "PySide6" in result.stderr
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80), ("example.org", 80)])
def test_the_suite_refuses_the_network(address: tuple[str, int], network_attempts: list[str]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(NetworkBlockedError):
        connection.connect(address)
    with pytest.raises(NetworkBlockedError):
        socket.create_connection(address)
    assert network_attempts == [address[0]] * 2
    network_attempts.clear()  # else the guard fails this test for what it did on purpose


def test_the_suite_may_talk_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_opening_a_model_does_not_import_the_compiler_of_torch() -> None:
    """Nor Triton: a second and a hundred megabytes, for nothing (noise drawn on the meta device did it)."""
    code = """
import sys
import core_model, resources
core_model.load_model(resources.built_in_model())
print(*{"torch._dynamo", "torch._inductor", "triton"} & set(sys.modules))
"""
    result = run_python(code)
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr
