"""No problem is reported to staff in one language only."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import saleor_stripe_audience
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import failures
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.saleor import permissions, webhook_sync
from saleor_stripe_audience.wording import for_staff

ROOT = Path(saleor_stripe_audience.__file__).parent
MANIFESTS = ROOT.parent / "manifests"
REPORTS = {"report", "report_or_clear", "_report_once"}


def reports() -> Iterator[tuple[str, ast.expr]]:
    """Return the message of every problem that is reported for payments and the installation."""
    for path in sorted([*(ROOT / "payments").glob("*.py"), *(ROOT / "saleor").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _called(node.func) in REPORTS and len(node.args) > 2:
                yield f"{path.stem}:{node.lineno}", node.args[2]


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


def test_no_problem_is_written_in_one_language_only() -> None:
    """Neither a string in the code nor a failure's English message, which is for logs and the command line."""
    found = list(reports())
    assert found
    assert [
        where for where, message in found if any(_is_in_one_language(each) for each in ast.walk(message))
    ] == []


def _is_in_one_language(part: ast.AST) -> bool:
    if isinstance(part, ast.Constant):
        return re.search(r"\w \w", str(part.value)) is not None
    return ast.unparse(part) in ("error.message", "failure.message")


@pytest.mark.parametrize("module", ["ledger", "outcomes", "report"])
def test_no_event_in_saleors_history_is_written_in_one_language_only(module: str) -> None:
    tree = ast.parse((ROOT / "payments" / f"{module}.py").read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        ast.get_docstring(each, clean=False) for each in ast.walk(tree) if isinstance(each, documented)
    }
    texts = [each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)]
    assert [each for each in texts if each not in docstrings and re.search(r"\w \w", str(each))] == []


@pytest.mark.parametrize(
    ("code", "values", "is_hosted"),
    [
        (failures.KEY_REFUSED, {}, False),
        ("api_key_expired", {}, False),
        (failures.KEY_REFUSED, {}, True),
        (failures.NO_ACCESS, {}, True),
        ("secret_key_changed", {}, False),
        ("mode", {}, True),
        ("not_connected", {}, True),
        ("no_platform", {}, True),
        (failures.MISSING_PERMISSION, {"why": "rak_charge_write"}, False),
        (failures.ENDPOINT, {}, False),
        ("url_invalid", {}, False),
    ],
)
def test_why_an_account_is_not_served_is_in_the_language_of_the_staff(
    settings: Any, code: str, values: dict[str, str], *, is_hosted: bool
) -> None:
    failure = Rejected("English.", code=code, values=values)
    messages = []
    for settings.STAFF_LANGUAGE in ("en", "fr"):
        messages.append(for_staff(staff_messages.key_problem(failure, "Tea", is_hosted=is_hosted)))
        messages.append(for_staff(staff_messages.endpoint_problem(failure, "Tea")))
    assert len(set(messages)) == 4
    assert all("Tea" in each for each in messages)
    assert all("«\N{NO-BREAK SPACE}Tea\N{NO-BREAK SPACE}»" in each for each in messages[2:])
    assert values.get("why", "") in messages[0]


def test_missing_permissions_are_reported_in_the_language_of_the_staff(settings: Any) -> None:
    settings.STAFF_LANGUAGE = "fr"
    message = webhook_sync._missing_permissions(["HANDLE_PAYMENTS", "MANAGE_ORDERS"], frozenset())
    assert message is not None
    assert "autorisations" in for_staff(message)
    assert "Gérer les paiements, Gérer les commandes" in for_staff(message)


def test_every_permission_that_the_app_asks_for_has_the_dashboards_name() -> None:
    """Saleor's codes, such as HANDLE_PAYMENTS, are not shown there."""
    wanted = {
        each for path in MANIFESTS.glob("*.json") for each in json.loads(path.read_text())["permissions"]
    }
    assert wanted <= permissions.NAMES.keys()


# Messages for logs and developers only, and those that shoppers get translated by code: see `messages`.
NOT_FOR_STAFF = {
    "unreadable",
    "parse_error",
    "crash",
    "nothing_to_pay",
    "cancelled",
    "source_gone",
    "order_over",
    "live_now",
    "not_found",
    "bad_page",
    "not_owner",
}
# Modules in which staff connect accounts or change jobs, or in which handling an event can fail.
FOR_STAFF = (
    "gateway/*.py",
    "payments/*.py",
    "catalog/*.py",
    "inbox/*.py",
    "jobs/*.py",
    "saleor/payloads.py",
    "audience/*.py",
    "audience/contacts/*.py",
    "audience/people/*.py",
    "audience/privacy/*.py",
    "audience/segments/*.py",
    "audience/transfer/*.py",
    "audience/consent/ledger.py",
    "audience/consent/mail.py",
    "audience/consent/deliveries/*.py",
    "audience/signup/metadata.py",
    "audience/signup/storefront.py",
    "database.py",
    "money.py",
)


def failures_for_staff() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(each for pattern in FOR_STAFF for each in ROOT.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _called(node.func) in ("Rejected", "Blocked", "Unavailable"):
                codes = [ast.unparse(each.value).strip("'") for each in node.keywords if each.arg == "code"]
                if not NOT_FOR_STAFF.intersection(codes) and "COVERED" not in " ".join(codes):
                    yield f"{path.parent.name}.{path.stem}:{node.lineno}", node


def test_no_failure_is_explained_in_one_language_only() -> None:
    found = list(failures_for_staff())
    assert found
    assert [
        where for where, failure in found if isinstance(failure.args[0], ast.Constant | ast.JoinedStr)
    ] == []
