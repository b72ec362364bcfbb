"""The wheel is complete: installed into an empty environment, it serves the manifest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.platform.served import environment, free_port, wait_until_ready

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or str(next(iter(ROOT.glob(".tools/**/uv")), ""))
    if not found:
        pytest.skip("uv is not on this machine: `make setup` finds or installs it")
    return found


@pytest.fixture(scope="module")
def installed(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel and the locked versions of its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run(uv, "build", "--python", sys.executable, "--wheel", "--out-dir", str(folder), str(ROOT))
    [wheel] = folder.glob("*.whl")
    needed = folder / "needed.txt"
    run(
        uv,
        "export",
        "--python",
        sys.executable,
        "--locked",
        "--no-dev",
        "--no-emit-project",
        "--output-file",
        str(needed),
        cwd=ROOT,
    )
    run(uv, "venv", "--python", sys.executable, str(folder / "venv"))
    python = str(folder / "venv" / "bin" / "python")
    run(uv, "pip", "install", "--python", python, "--requirements", str(needed), str(wheel))
    return folder


def run(*command: str, cwd: Path | None = None) -> None:
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=cwd, env=outside, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_it_serves_the_manifest_and_the_page(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    outside = {name: value for name, value in environment(tmp_path, port).items() if name != "PYTHONPATH"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(installed / "venv" / "bin" / "saleor-stripe-audience"), "serve"],
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


def test_no_test_and_no_secret_travels(installed: Path) -> None:
    names = [
        str(path)
        for path in (installed / "venv").rglob("site-packages/saleor_stripe_audience/**/*")
        if path.is_file()
    ]
    assert any(name.endswith("shipped/manifests/app.json") for name in names)
    assert len([name for name in names if name.endswith("django.mo")]) == 2
    assert not [name for name in names if "/tests/" in name or name.endswith((".env", ".sqlite3"))]


def test_the_demo_says_what_it_needs(installed: Path) -> None:
    """Only the wheel, without its extra."""
    program = str(installed / "venv" / "bin" / "saleor-stripe-audience")
    done = subprocess.run([program, "demo"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        "saleor-stripe-audience demo: The demo needs extra packages."
        " Install them with `pip install 'saleor-stripe-audience[demo]'`.\n"
    )


def test_no_bench_and_no_prover_travels(installed: Path) -> None:
    [package] = (installed / "venv").rglob("site-packages/saleor_stripe_audience")
    assert not (package.parent / "scripts").exists()
