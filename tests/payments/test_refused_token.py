"""Saleor refuses the app's token: nothing is given up, and everything continues once the token works."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from saleor_stripe_audience.errors import Unavailable
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.payments.reconcile import reconcile_all
from saleor_stripe_audience.saleor import client, http, webhook_sync
from saleor_stripe_audience.saleor.trouble import TOKEN_MESSAGE
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import in_language

from .test_reporting import Town, town

__all__ = ["town"]

Json = dict[str, Any]
Work = Callable[[], int]


def respond_with(status: int, body: Json) -> Callable[..., Any]:
    """Return a stand-in for `http.call` that always responds like this."""

    class Answer:
        status_code = status

        def json(self) -> Json:
            return body

    return lambda *_, **__: Answer()


def refusal(code: str, *path: str) -> Json:
    error: Json = {"message": "Refused.", "extensions": {"exception": {"code": code}}}
    return {"errors": [error | ({"path": list(path)} if path else {})], "data": {"app": None}}


REFUSALS = {
    "401": (401, {}),
    "403": (403, {}),
    "invalid": (200, refusal("InvalidTokenError")),
    "expired": (200, refusal("ExpiredSignatureError")),
    "removed or switched off": (200, refusal("PermissionDenied", "app")),
    "no app": (200, {"data": {"app": None}, "errors": refusal("PermissionDenied", "transaction")["errors"]}),
}


def waits(town: Town) -> None:
    shop = Installation.objects.get()
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()
    assert Handling.objects.filter(waits_for=shop.pk, attempts=0).exists()
    assert [(each.key, each.message) for each in Problem.objects.all()] == [
        ("token", in_language(TOKEN_MESSAGE, "en"))
    ]


def is_all_done(town: Town) -> None:
    while town.work():
        pass
    assert town.amounts()[0] == town.total()
    assert not Problem.objects.exists()
    assert not Handling.objects.filter(waits_for__isnull=False).exists()
    assert not Event.objects.filter(handled_at=None).exists()


@pytest.mark.parametrize("how", REFUSALS)
def test_everything_waits_until_the_token_works_again(
    town: Town, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    town.begin()
    town.pay()
    events = town.events()
    with monkeypatch.context() as patched:
        status, body = REFUSALS[how]
        if how == "no app":
            patched.setattr(http, "call", lambda *_, **sent: _no_app(body, sent["json"]))
        else:
            patched.setattr(http, "call", respond_with(status, body))
        town.deliver_all(events)
        waits(town)
    assert webhook_sync.sync_webhooks(Installation.objects.get()) == []
    is_all_done(town)


def test_a_shop_that_accepts_the_app_again_continues_within_a_minute(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.begin()
    town.pay()
    events = town.events()
    with monkeypatch.context() as patched:
        status, body = REFUSALS["removed or switched off"]
        patched.setattr(http, "call", respond_with(status, body))
        town.deliver_all(events)
        assert webhook_sync.continue_accepted_shops.func() == 0
        waits(town)
    assert webhook_sync.continue_accepted_shops.func() == 1
    is_all_done(town)
    assert webhook_sync.continue_accepted_shops.func() == 0, "it is not called again"


def _no_app(refused: Json, asked: Json) -> Any:
    body = {"data": {"app": None}} if asked["operationName"] == "FetchApp" else refused
    return respond_with(200, body)()


def test_everything_continues_when_the_app_is_installed_again(town: Town) -> None:
    town.begin()
    town.pay()
    events = town.events()
    before = Installation.objects.get()
    working = before.token
    before.token = "dead"
    before.save(update_fields=["token"])
    town.deliver_all(events)
    waits(town)
    shop = Installation.objects.get()
    shop.token = working
    shop.save(update_fields=["token"])
    from saleor_stripe_audience.saleor.register import register

    register(shop.saleor_api_url, working, shop.domain, shop.schema_version, shop.variant)
    is_all_done(town)


def test_a_token_that_was_replaced_meanwhile_is_not_a_problem(town: Town) -> None:
    """Work from before the reinstall is refused with the old token, and only has to be retried."""
    stale = Installation.objects.get()
    stale.token = "of the install before"
    with pytest.raises(Unavailable):
        client.fetch_installed(stale)
    assert not Problem.objects.exists()


def test_the_hourly_look_misses_nothing_meanwhile(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.begin()
    town.pay()
    with monkeypatch.context() as patched:
        patched.setattr(http, "call", respond_with(401, {}))
        reconcile_all()
        while town.work():
            pass
    connection.close()
    webhook_sync.sync_webhooks(Installation.objects.get())
    reconcile_all()
    is_all_done(town)


def deny_transactions(granted: Callable[[Json], None]) -> Callable[..., Any]:
    """Let Saleor deny all access to transactions; `granted` edits the app's permissions in its responses."""
    real = http.call

    def call(*arguments: Any, **sent: Any) -> Any:
        if sent["json"]["operationName"] not in ("FetchApp", "FetchInstalled"):
            return respond_with(200, refusal("PermissionDenied", "transaction"))()
        response = real(*arguments, **sent)
        body = response.json()
        granted(body["data"]["app"])
        return respond_with(response.status_code, body)()

    return call


def test_a_permission_that_is_granted_again_lets_everything_continue(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.begin()
    town.pay()
    events = town.events()

    def narrow(app: Json) -> None:
        app["permissions"] = [
            each for each in app.get("permissions", []) if each["code"] != "HANDLE_PAYMENTS"
        ]

    with monkeypatch.context() as patched:
        patched.setattr(http, "call", deny_transactions(narrow))
        town.deliver_all(events)
        assert not Handling.objects.filter(given_up_at__isnull=False).exists()
        assert [each.key for each in Problem.objects.all()] == ["permissions"]
    webhook_sync.sync_webhooks(Installation.objects.get())
    is_all_done(town)


def test_what_belongs_to_another_app_is_given_up_and_blocks_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No permission is missing: the transaction belongs to a former APP_ID, so Saleor never gives the app access."""
    town.begin()
    town.pay()
    events = town.events()
    with monkeypatch.context() as patched:
        patched.setattr(http, "call", deny_transactions(lambda _app: None))
        town.deliver_all(events)
    assert Handling.objects.filter(
        given_up_at__isnull=False, reasons__en__icontains="does not allow"
    ).exists()
    assert not Handling.objects.filter(waits_for__isnull=False).exists()
    assert not Problem.objects.filter(key="permissions").exists()
