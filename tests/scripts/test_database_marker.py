"""Which tests `.ci/run` repeats on PostgreSQL."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.conftest import TESTS, pytest_collection_modifyitems


@pytest.mark.parametrize(
    ("path", "fixtures", "is_repeated"),
    [
        (TESTS / "payments" / "test_one.py", ["db"], True),
        (TESTS / "payments" / "test_one.py", ["tmp_path"], False),
        (TESTS / "browser" / "deep" / "test_one.py", ["db"], False),
        (TESTS / "test_browser.py", ["transactional_db"], True),
        (Path("/elsewhere/test_case.py"), ["live_server"], True),  # a file elsewhere that uses these fixtures
    ],
)
def test_what_uses_the_database_is_repeated(path: Path, fixtures: list[str], is_repeated: bool) -> None:
    marks: list[str] = []
    item: Any = SimpleNamespace(
        path=path, fixturenames=fixtures, add_marker=marks.append, get_closest_marker=lambda _: None
    )
    pytest_collection_modifyitems([cast("pytest.Item", item)])
    assert marks == (["database"] if is_repeated else [])
