"""What an import linter cannot see of the rules of the house."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APPS = ("accounts", "catalog", "customers", "registry", "recommendations", "copywriting", "risk", "campaigns")
PACKAGES = (*APPS, "config", "tests", "benchmarks")
HEAVY = ("torch", "transformers", "sklearn", "lightgbm")


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_top_level_package_beside_the_map():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py") if not path.parent.name.startswith(".")}
    assert found <= set(PACKAGES)


def test_every_folder_with_code_has_an_init_that_is_empty_but_for_config_and_models():
    for path in sources(*PACKAGES):
        init = path.parent / "__init__.py"
        assert init.exists(), f"{path.parent.relative_to(ROOT)} has code and no __init__.py"
    for path in sources(*PACKAGES):
        if path.name != "__init__.py" or path.parent.name in {"models", "embedded"} or path.parent == ROOT / "config":
            continue
        assert path.read_text().strip() == "", f"{path.relative_to(ROOT)} is not empty"


@pytest.mark.parametrize("app", [*APPS, "config"])
def test_local_imports_stand_in_tasks_only_and_bring_in_the_learning_code_only(app):
    """Everything else imports at the top, where a cycle is seen."""
    for path in sources(app):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                assert path.name == "tasks.py", f"{where}: an import inside a function"
                names = [alias.name for alias in node.names]
                parts = set(names) | set((getattr(node, "module", "") or "").split("."))
                assert parts & {"training", "scoring", "generation"}, f"{where}: only training, scoring, generation"


def test_no_signals_and_no_import_by_string():
    for path in sources(*APPS, "config"):
        if "migrations" in path.parts or "settings" in path.parts:
            continue
        text = path.read_text()
        for word in ("django.dispatch", "django.db.models.signals", "import_string", "apps.get_model"):
            assert word not in text, f"{path.relative_to(ROOT)} uses {word}"


def test_pure_modules_and_the_web_process_stay_apart_from_learning_libraries():
    """One fresh process opens every page of the address book without loading what costs it memory and start-up."""
    code = (
        "import django, json, sys; django.setup()\n"
        "from django.urls import get_resolver\n"
        "from django.test import Client\n"
        "def walk(patterns):\n"
        "    for p in patterns:\n"
        "        if hasattr(p, 'url_patterns'): yield from walk(p.url_patterns)\n"
        "        else: yield p\n"
        "routes = list(walk(get_resolver().url_patterns))\n"
        "client = Client(raise_request_exception=False)\n"
        "from django.contrib.admin.sites import site\n"
        "import config.wsgi\n"
        "for route in routes: route.callback\n"
        "print(json.dumps([len(routes), [m for m in sys.modules if m.split('.')[0] in " + repr(HEAVY) + "]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    routes, heavy = json.loads(done.stdout.splitlines()[-1])
    assert routes > 20
    assert heavy == []
