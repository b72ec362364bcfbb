"""The wheel and the image are complete.

The image without Docker: what the Dockerfile copies is copied into an empty folder, what it runs is run there. It
installs the wheel into an empty environment, which serves for the tests of both.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import requests
from ruamel.yaml import YAML

from saleor_stripe_audience.settings import Environment
from tests.platform.served import environment, free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
SECONDS = 300


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def is_sent(path: Path) -> bool:
    """Whether the file is sent to the builder: the last matching line of .dockerignore decides."""
    sent = True
    name = path.relative_to(ROOT).as_posix()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        candidates = [name, *(parent.as_posix() for parent in Path(name).parents)]
        if "**/" in line:
            candidates += Path(name).parts
        if any(fnmatch(each, pattern) for each in candidates):
            sent = line.startswith("!")
    return sent


@dataclass
class Builder:
    """One machine for all stages: the image's paths are below `root`."""

    root: Path
    environment: dict[str, str]
    folder: str = "/"
    commands: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        return self.root / (path if path.startswith("/") else f"{self.folder}/{path}").strip("/")

    def copy(self, words: list[str]) -> None:
        *sources, target = words
        for source in sources:
            found = [each for each in (ROOT / source).rglob("*") if each.is_file()] or [ROOT / source]
            for each in filter(is_sent, found):
                inside = each.relative_to(ROOT / source) if (ROOT / source).is_dir() else Path()
                goal = self.at(target) / (Path(source).name if target.endswith("/") else "") / inside
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(each, goal)

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.at(""),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr[-3000:]}"
        return done.stdout

    def set(self, words: str) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", words):
            placed = re.sub(r"^/(?=\w)", f"{self.root}/", value)
            self.environment[name] = placed.replace("$PATH", self.environment["PATH"])


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or str(next(iter(ROOT.glob(".tools/**/uv")), ""))
    if not found:
        pytest.skip("uv is not on this machine: `make setup` finds or installs it")
    return found


@pytest.fixture(scope="module")
def built(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Everything in the Dockerfile except its base image, which an empty environment of this Python replaces."""
    root = tmp_path_factory.mktemp("image")
    subprocess.run([uv, "venv", "-q", "--seed", "--python", sys.executable, str(root / "base")], check=True)
    kept = ("HOME", "LANG", "UV_CACHE_DIR", "HTTPS_PROXY", "SSL_CERT_FILE", "UV_INDEX_URL", "PIP_INDEX_URL")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    builder = Builder(
        root,
        given | {"PATH": f"{root}/base/bin:{os.environ['PATH']}", "UV_PYTHON": f"{root}/base/bin/python"},
    )
    for name, rest in instructions():
        if name == "WORKDIR":
            builder.folder = rest
            builder.at("").mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            builder.set(rest)
        elif name == "COPY" and not rest.startswith("--from=build"):
            builder.copy(rest.split())
        elif name == "RUN" and "useradd" not in rest:
            builder.run(rest.replace("pip install", f"{uv} pip install").replace(" --no-cache-dir", ""))
        elif name == "CMD":
            builder.commands.append(rest)
    return builder


def test_the_image_has_all_that_the_app_reads(built: Builder) -> None:
    assert built.run("saleor-stripe-audience --version").startswith("saleor-stripe-audience ")
    [shipped] = built.at("/app").rglob("site-packages/saleor_stripe_audience/shipped")
    assert (shipped / "docs" / "terms.md").is_file()
    assert (shipped / "docs" / "terms.fr.md").is_file()
    assert (shipped / "manifests" / "app.json").is_file()
    assert list((shipped / "graphql").rglob("*.graphql"))


def test_what_the_image_starts_is_a_command(built: Builder) -> None:
    assert built.commands == ['["saleor-stripe-audience", "serve"]']
    assert "serve" in built.run("saleor-stripe-audience serve --help")


def test_byte_code_is_compiled(built: Builder) -> None:
    [package] = built.at("/app").rglob("site-packages/saleor_stripe_audience")
    assert list((package / "__pycache__").glob("__main__.*.pyc"))
    assert list(package.parent.glob("django/__pycache__/*.pyc"))


def test_it_serves_the_manifest_and_the_page(built: Builder, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    outside = {name: value for name, value in environment(tmp_path, port).items() if name != "PYTHONPATH"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(built.at("/app/bin/saleor-stripe-audience")), "serve"],
            cwd=tmp_path,
            env=outside,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(url, process, tmp_path)
        manifest = requests.get(f"{url}/api/manifest", timeout=10).json()
        assert manifest["webhooks"]
        assert (
            requests.get(manifest["brand"]["logo"]["default"], timeout=10).headers["Content-Type"]
            == "image/png"
        )
        page = requests.get(f"{url}/dashboard/", timeout=10)
        assert page.ok
        assert "static/dashboard" in page.text
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_the_demo_says_what_it_needs(built: Builder) -> None:
    """Only the wheel, without its extra."""
    done = subprocess.run(
        [str(built.at("/app/bin/saleor-stripe-audience")), "demo"],
        env=built.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "saleor-stripe-audience demo: The demo needs extra packages."
        " Install them with `pip install 'saleor-stripe-audience[demo]'`.\n"
    )


def test_the_wheel_of_a_used_checkout_is_the_same(built: Builder, uv: str, tmp_path: Path) -> None:
    """A checkout has tests, scripts, a virtual environment, databases and perhaps secrets, too: none may travel."""
    subprocess.run(
        [uv, "build", "-q", "--python", sys.executable, "--wheel", "--out-dir", str(tmp_path), str(ROOT)],
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    [package] = built.at("/app").rglob("site-packages/saleor_stripe_audience")
    installed = [each for each in package.rglob("*") if each.is_file() and each.suffix != ".pyc"]
    assert names == {each.relative_to(package.parent).as_posix() for each in installed}
    assert "saleor_stripe_audience/shipped/manifests/app.json" in names
    assert len([name for name in names if name.endswith("django.mo")]) == 2
    assert not [name for name in names if "/tests/" in name or name.endswith((".env", ".sqlite3"))]


def test_nothing_of_the_development_is_sent_to_the_builder() -> None:
    for name in (
        ".git/HEAD",
        "tests/conftest.py",
        ".venv/pyvenv.cfg",
        ".env",
        "var/db.sqlite3",
        "docs/images/demo.png",
    ):
        assert not is_sent(ROOT / name), name
    for name in ("uv.lock", "docs/terms.md", "docs/terms.fr.md", "saleor_stripe_audience/__main__.py"):
        assert is_sent(ROOT / name), name


def variables_of_the_readme() -> set[str]:
    text = (ROOT / "README.md").read_text()
    table = text.partition("## Settings")[2].partition("## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}


def test_the_readme_names_every_variable() -> None:
    assert variables_of_the_readme() == set(Environment.model_fields)


def test_compose_passes_every_variable() -> None:
    compose: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())
    for name in ("web", "worker"):
        assert set(compose["services"][name]["environment"]) == variables_of_the_readme()
