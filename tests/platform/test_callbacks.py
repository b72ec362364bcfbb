"""Callbacks are registered by importing their modules: in every process, such as a worker that serves no pages."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.platform.served import SECONDS
from tests.platform.test_command_line import GOOD

ROOT = Path(__file__).parents[2]
REGISTERING = re.compile(r"^@(on_[a-z_]+|before_[a-z_]+|looks_up_[a-z_]+)$|^jobs\.PROCESSORS\[", re.MULTILINE)
LOADED = """
import django, sys
django.setup()
import saleor_stripe_audience.commands.work
print(*sys.modules)
"""


def test_a_worker_has_all_of_them(tmp_path: Path) -> None:
    paths = (ROOT / "saleor_stripe_audience").rglob("*.py")
    found = [each for each in paths if REGISTERING.search(each.read_text())]
    modules = {".".join(each.relative_to(ROOT).with_suffix("").parts) for each in found}
    settings = {"DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings", "DATA_DIR": str(tmp_path)} | GOOD
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    assert "saleor_stripe_audience.audience.segments.store" in modules
    assert modules - set(done.stdout.split()) == set()
