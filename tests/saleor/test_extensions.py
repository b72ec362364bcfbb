"""Where the app appears in Saleor's Dashboard, by the version of Saleor that reads the manifest."""

from typing import Any

import pytest
from django.test import Client

from saleor_stripe_audience.saleor.extensions import EXTENSIONS
from saleor_stripe_audience.saleor.manifest import variants
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox

VERSIONS = ("3.21", "3.22", "3.23", "3.24")


def manifest(version: str, variant: str = "app") -> dict[str, Any]:
    answer = Client().get("/api/manifest", {"variant": variant}, headers={"Saleor-Schema-Version": version})
    found: dict[str, Any] = answer.json()
    return found


def mounts(version: str, variant: str = "app") -> list[str]:
    return [each["mount"] for each in manifest(version, variant)["extensions"]]


@pytest.mark.parametrize("variant", variants())
@pytest.mark.parametrize("version", VERSIONS)
def test_none_needs_a_permission_that_the_app_does_not_have(version: str, variant: str) -> None:
    found = manifest(version, variant)
    for each in found["extensions"]:
        assert set(each["permissions"]) <= set(found["permissions"])
        if each["target"] == "APP_PAGE":
            assert each["url"].startswith("/")
        else:
            assert each["url"].startswith(f"{found['appUrl']}widgets/")
            assert each["options"] == {"widgetTarget": {"method": "GET"}}


def test_an_older_saleor_is_given_only_what_it_knows() -> None:
    assert mounts("3.21") == ["NAVIGATION_ORDERS", "NAVIGATION_CUSTOMERS", "NAVIGATION_CUSTOMERS"]
    assert mounts("3.22") == mounts("3.23") == [each.mount for each in EXTENSIONS.values()]
    assert mounts("3.23", "payments-only") == ["NAVIGATION_ORDERS", "ORDER_DETAILS_WIDGETS"]
    assert "ORDER_DETAILS_WIDGETS" not in mounts("3.23", "audience-only")


def test_labels_are_in_the_language_of_the_staff(settings: Any) -> None:
    settings.STAFF_LANGUAGE = "fr"
    assert manifest("3.23")["extensions"][0]["label"] == "Paiements Stripe"


@pytest.mark.parametrize("version", VERSIONS[:3])
@pytest.mark.django_db(transaction=True)
def test_every_version_installs_it(version: str, settings: Any, live_server: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    with SaleorSandbox(version) as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        app = sandbox.install(f"{live_server.url}/api/manifest")
        assert [each["mount"] for each in app.manifest["extensions"]] == mounts(version)
