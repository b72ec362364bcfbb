"""The audiences on the page: list, add and change them, their channels, wordings and previews."""

import html
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, create_audience
from saleor_stripe_audience.audience.people.models import (
    Audience,
    ChannelAudience,
    Contact,
    ContactAttribute,
    KnownWording,
)
from saleor_stripe_audience.audience.signup import previews, storefront
from saleor_stripe_audience.audience.signup.metadata import report_problem
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.shops.models import Problem
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_contact
from tests.dashboard.test_contacts import ask

READING = ("SELECT", "SAVEPOINT", "RELEASE")
BAD_NOTE = re.compile(r'<p class="note bad" id="wrong-(\w*)" role="alert">([^<]*)')


@pytest.fixture
def default(shop: Shop) -> Audience:
    return a_contact(shop.installation).audience


def post(client: Client, shop: Shop, path: str, fields: Any = None, **claims: Any) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields or {}, headers=shop.headers(**claims))
    return answer.status_code, html.unescape(answer.content.decode())


def wrong(page: str) -> tuple[str, str]:
    [(field, said)] = BAD_NOTE.findall(page)
    return str(field), str(said)


def fields(audience: Audience, **changed: Any) -> dict[str, Any]:
    shown = {"name": audience.name, "language": audience.language, "opt_in": "single"}
    return shown | {"cart_silence_minutes": "60", "sender_name": "", "consent_keys": ""} | changed


# ---- the list ----


def test_each_audience_is_listed_with_channels_and_counts(
    shop: Shop, client: Client, default: Audience
) -> None:
    news = create_audience(shop.installation, AudienceSettings("Nouvelles", sender_name="Maison du thé"))
    ChannelAudience.objects.create(installation=shop.installation, channel="channel-pln", audience=news)
    Contact.objects.create(audience=news, email="bob@example.com", consent="confirmed")
    text = ask(client, shop, "audiences")
    rows = [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))
        for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    ]
    assert " Buyers Default Default Single 1 0 Buyers " in rows[1]
    assert " Nouvelles Poland Single 1 1 Maison du thé " in rows[2]
    assert f"/dashboard/contacts?audience={news.pk}" in text


def test_a_new_shop_has_its_default_audience(shop: Shop, client: Client) -> None:
    assert "shop.example.com" in ask(client, shop, "audiences")


def test_the_chosen_channels_audience_is_listed_alone(shop: Shop, client: Client, default: Audience) -> None:
    news = create_audience(shop.installation, AudienceSettings("Nouvelles"))
    ChannelAudience.objects.create(installation=shop.installation, channel="channel-pln", audience=news)
    shown = ask(client, shop, "audiences", site="channel:channel-pln")
    assert ("Nouvelles" in shown, "Buyers" in shown) == (True, False)


def test_the_list_costs_the_same_however_many_there_are(
    shop: Shop, client: Client, default: Audience
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop, "audiences")
        return len(queries)

    one = cost()
    for number in range(12):
        create_audience(shop.installation, AudienceSettings(f"Audience {number}"))
        a_contact(shop.installation, f"{number}@example.com")
    assert cost() == one
    assert one <= 14


def test_one_audience_costs_the_same_however_much_it_has(
    shop: Shop, client: Client, default: Audience
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop, f"audiences/{default.pk}")
        return len(queries)

    one = cost()
    for number in range(8):
        create_audience(shop.installation, AudienceSettings(f"Audience {number}"))
        wordings.change_own_text(default, f"Yes {number}.", "fr" if number % 2 else "")
        wordings.add(default, f"Yes, {number}.")
        storefront.create_key(shop.installation, [f"https://{number}.example.com"])
    assert cost() == one
    assert one <= 22


# ---- adding one ----


def test_an_audience_is_added_once_and_opened(shop: Shop, client: Client, default: Audience) -> None:
    form = ask(client, shop, "audiences/new")
    key = re.search(r'name="key" value="([^"]+)"', form)
    assert key is not None
    sent = {"key": key[1], "name": " News ", "language": "FR-ca", "opt_in": "single"}
    for _ in range(2):
        status, text = post(client, shop, "audiences/new", sent)
        assert status == 200
        assert "“News” was added." in text
        assert f'data-address="/dashboard/audiences/{key[1]}"' in text
    made = Audience.objects.get(name="News")
    assert (str(made.pk), made.language, made.double_opt_in) == (key[1], "fr-ca", False)
    assert made.configured_at is not None


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"name": ""}, "name", "Give the audience a name"),
        ({"name": "n" * 201}, "name", "at most 200 characters"),
        ({"name": "Buyers"}, "name", "already has this name"),
        ({"name": "News", "language": "klingonese"}, "language", "such as en or fr-ca"),
        ({"name": "News", "opt_in": "double"}, "opt_in", "EMAIL_URL and EMAIL_FROM"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    shop: Shop,
    client: Client,
    default: Audience,
    settings: Settings,
    typed: dict[str, str],
    field: str,
    says: str,
) -> None:
    settings.EMAIL_CONFIGURED = False
    sent = {"key": str(uuid.uuid4()), "language": "fr", "opt_in": "single"} | typed
    status, text = post(client, shop, "audiences/new", sent)
    assert status == 422
    assert wrong(text)[0] == field
    assert says in wrong(text)[1]
    assert f'value="{sent["name"]}"' in text
    assert f'value="{sent["language"]}"' in text
    assert "data-focus" in text
    assert Audience.objects.count() == 1


def test_a_key_of_another_shop_or_none_adds_nothing(shop: Shop, client: Client, default: Audience) -> None:
    foreign = create_audience(
        make_shop("https://other.example.com/graphql/", "QXBwOjk=").installation, AudienceSettings("Theirs")
    )
    for key in (str(foreign.pk), "x", ""):
        assert post(client, shop, "audiences/new", {"key": key, "name": "News"})[0] == 404
    assert not Audience.objects.filter(name="News").exists()


# ---- settings ----


def test_every_setting_is_changed(shop: Shop, client: Client, default: Audience, settings: Settings) -> None:
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "news@shop.example.com"
    sent = fields(
        default,
        name="Clients",
        language="fr",
        opt_in="double",
        sender_name="Maison du thé",
        cart_silence_minutes=" 30 ",
        consent_keys="newsletter, club,newsletter",
        attribute_keys="loyalty_tier, birthday",
        ads_to_buyers="yes",
    )
    for _ in range(2):
        status, text = post(client, shop, f"audiences/{default.pk}/save", sent)
        assert (status, "Saved." in text) == (200, True)
    assert "Maison du thé, news@shop.example.com" in text
    default.refresh_from_db()
    assert (default.name, default.language, default.double_opt_in) == ("Clients", "fr", True)
    assert (default.sender_name, default.cart_silence_minutes) == ("Maison du thé", 30)
    assert (default.consent_keys, default.attribute_keys) == (
        ["newsletter", "club"],
        ["loyalty_tier", "birthday"],
    )
    assert default.ads_to_buyers
    assert post(client, shop, f"audiences/{default.pk}/save", fields(default))[0] == 200
    default.refresh_from_db()
    assert not default.ads_to_buyers


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": " "}, "name"),
        ({"language": "x" * 36}, "language"),
        ({"sender_name": "two\nlines"}, "sender_name"),
        ({"cart_silence_minutes": "soon"}, "cart_silence_minutes"),
        ({"cart_silence_minutes": "999999"}, "cart_silence_minutes"),
        ({"consent_keys": ",".join(map(str, range(21)))}, "consent_keys"),
        ({"attribute_keys": "k" * 129}, "attribute_keys"),
        ({"opt_in": "double"}, "opt_in"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_beside_its_field(
    shop: Shop, client: Client, default: Audience, settings: Settings, typed: dict[str, str], field: str
) -> None:
    settings.EMAIL_CONFIGURED = False
    before = Audience.objects.values().get()
    status, text = post(client, shop, f"audiences/{default.pk}/save", fields(default, **typed))
    assert (status, wrong(text)[0]) == (422, field)
    assert Audience.objects.values().get() == before


def test_values_of_a_key_that_is_removed_are_deleted_only_if_agreed(
    shop: Shop, client: Client, default: Audience
) -> None:
    Audience.objects.filter(pk=default.pk).update(attribute_keys=["loyalty_tier", "unused"])
    ContactAttribute.objects.create(
        contact=default.contacts.get(), key="loyalty_tier", value="gold", said_at=timezone.now()
    )
    sent = fields(default, attribute_keys="")
    status, text = post(client, shop, f"audiences/{default.pk}/save", sent)
    assert (status, wrong(text)[0]) == (422, "attribute_keys")
    assert "Delete the values of loyalty_tier" in text
    assert ContactAttribute.objects.exists()
    assert post(client, shop, f"audiences/{default.pk}/save", sent | {"delete_values": "yes"})[0] == 200
    assert not ContactAttribute.objects.exists()


# ---- wordings ----


def test_the_own_text_ends_the_problem_that_consents_have_none(shop: Shop, client: Client) -> None:
    default = Audience.objects.create(installation=shop.installation, name="Buyers", is_default=True)
    for source, code in (("checkout", "consent_without_wording"), ("account", "consent_at")):
        report_problem(shop.installation, source, Rejected("", code=code))
    path = f"audiences/{default.pk}/wordings"
    assert post(client, shop, path, {"use": "storefront", "text": "Yes, news."})[0] == 200
    assert post(client, shop, path, {"use": "own", "text": "Oui.", "wording_language": "fr"})[0] == 200
    assert Problem.objects.count() == 2, "a consent in another language would still have no text"
    assert post(client, shop, path, {"use": "own", "text": "Yes, please."})[0] == 200
    assert [each.key for each in Problem.objects.all()] == ["consent account"]


def test_a_text_replaces_the_one_before_which_stays_as_proof(
    shop: Shop, client: Client, default: Audience
) -> None:
    path = f"audiences/{default.pk}/wordings"
    for text in ("Yes, news.", "Yes, news please.", "Yes, news please."):
        assert post(client, shop, path, {"use": "own", "text": text})[0] == 200
    for text in ("Oui.", "Oui, des nouvelles.", "Oui, des nouvelles."):
        assert post(client, shop, path, {"use": "own", "text": text, "wording_language": "fr"})[0] == 200
    for _ in range(2):
        status, page = post(client, shop, path, {"use": "storefront", "text": "Yes, <b>offers</b>."})
        assert status == 200
    default.refresh_from_db()
    assert default.consent_text == "Yes, news please."
    found = [
        (each.text, each.language, each.number, each.is_current) for each in wordings.versions_of(default)
    ]
    assert sorted(found) == [
        ("Oui, des nouvelles.", "fr", 2, True),
        ("Oui.", "fr", 1, False),
        ("Yes, <b>offers</b>.", "", None, True),
        ("Yes, news please.", "", 2, True),
        ("Yes, news.", "", 1, False),
    ]
    assert "2 earlier texts, kept as proof" in page
    raw = client.get(f"/dashboard/audiences/{default.pk}", headers=shop.headers()).content.decode()
    assert "<b>offers" not in raw
    for text in ("Yes, news.", "Yes, news please.", "Oui.", "Oui, des nouvelles."):
        assert text in raw


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"text": " "}, "text", "Write the text"),
        ({"text": "x" * 10_001}, "text", "longer than 10000"),
        ({"text": "x" * 10_001, "use": "storefront"}, "text", "longer than 10000"),
        ({"text": "Ja.", "wording_language": "klingonese"}, "wording_language", "such as en or fr-ca"),
    ],
)
def test_a_text_that_cannot_be_is_refused_and_stays_in_the_form(
    shop: Shop, client: Client, default: Audience, typed: dict[str, str], field: str, says: str
) -> None:
    status, page = post(client, shop, f"audiences/{default.pk}/wordings", {"use": "own"} | typed)
    assert (status, wrong(page)[0]) == (422, field)
    assert says in wrong(page)[1]
    if typed["text"].strip():
        assert typed["text"] in page
    assert not KnownWording.objects.exists()


# ---- channels ----


def test_a_channel_is_moved_after_a_preview_once(shop: Shop, client: Client, default: Audience) -> None:
    news = create_audience(shop.installation, AudienceSettings("Nouvelles"))
    path = f"audiences/{news.pk}/channels/channel-pln"
    page = html.unescape(ask(client, shop, path))
    assert "customers who buy in Poland become contacts in “Nouvelles”" in page
    assert not ChannelAudience.objects.exists()
    for _ in range(2):
        status, text = post(client, shop, path, {"source": str(default.pk)})
        assert (status, "Poland feeds this audience from now on." in text) == (200, True)
    assert ChannelAudience.objects.get().audience == news
    assert "already feeds this audience" in ask(client, shop, path)


def test_a_channel_that_was_moved_meanwhile_is_asked_about_again(
    shop: Shop, client: Client, default: Audience
) -> None:
    news, other = (create_audience(shop.installation, AudienceSettings(name)) for name in ("News", "Other"))
    ChannelAudience.objects.create(installation=shop.installation, channel="channel-pln", audience=other)
    path = f"audiences/{news.pk}/channels/channel-pln"
    status, text = post(client, shop, path, {"source": str(default.pk)})
    assert status == 422
    assert "moved in the meantime" in text
    assert f'name="source" value="{other.pk}"' in text
    assert ChannelAudience.objects.get().audience == other


def test_what_the_shop_does_not_have_is_not_moved(shop: Shop, client: Client, default: Audience) -> None:
    assert post(client, shop, f"audiences/{default.pk}/channels/none", {"source": str(default.pk)})[0] == 404
    for source in ("", "x", str(uuid.uuid4())):
        path = f"audiences/{default.pk}/channels/channel-pln"
        assert post(client, shop, path, {"source": source})[0] == 404


# ---- deleting ----


def test_only_an_audience_on_which_nothing_depends_is_deleted(
    shop: Shop, client: Client, default: Audience
) -> None:
    news = create_audience(shop.installation, AudienceSettings("News", consent_text="Yes."))
    wordings.add(news, "Yes, please.")
    moved = ChannelAudience.objects.create(
        installation=shop.installation, channel="channel-pln", audience=news
    )
    status, text = post(client, shop, f"audiences/{news.pk}/delete")
    assert (status, "They are: Poland." in text) == (422, True)
    moved.delete()
    contact = Contact.objects.create(audience=news, email="bob@example.com")
    status, text = post(client, shop, f"audiences/{news.pk}/delete")
    assert (status, "proof of their consent" in text) == (422, True)
    contact.delete()
    job = Job.objects.create(installation=shop.installation, kind=Job.Kind.IMPORT, state=Job.State.RUNNING)
    ImportFile.objects.create(
        installation=shop.installation, audience=news, actor="1", actor_name="Robin", job=job
    )
    status, text = post(client, shop, f"audiences/{news.pk}/delete")
    assert (status, "being imported into the audience" in text) == (422, True)
    Job.objects.update(state=Job.State.CANCELLED)
    text = post(client, shop, f"audiences/{news.pk}/delete")[1]
    assert "“News” was deleted." in text
    assert 'data-address="/dashboard/audiences"' in text, "nobody returns to what is deleted"
    assert post(client, shop, f"audiences/{news.pk}/delete")[0] == 404
    assert "cannot be deleted" in post(client, shop, f"audiences/{default.pk}/delete")[1]
    assert Audience.objects.get() == default
    assert "Delete audience" not in ask(client, shop, f"audiences/{default.pk}")


# ---- previews ----


@pytest.mark.parametrize("name", previews.NAMES)
@pytest.mark.parametrize(("language", "word"), [("en", "news"), ("fr", "actualités")])
def test_a_preview_is_what_people_get_and_changes_nothing(
    shop: Shop, client: Client, default: Audience, name: str, language: str, word: str
) -> None:
    wordings.change_own_text(default, "Yes, <b>news</b>.")
    wordings.change_own_text(default, "Oui, des actualités.", "fr")
    default.refresh_from_db()
    sent = {"page": name, "preview_language": language}
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(f"/dashboard/audiences/{default.pk}/preview", sent, headers=shop.headers())
    assert answer.status_code == 200
    raw = answer.content.decode()
    assert [each["sql"] for each in queries if not each["sql"].startswith(READING)] == []
    [document] = re.findall(r'<iframe class="sheet" sandbox title="[^"]+" srcdoc="([^"]*)"></iframe>', raw)
    page = html.unescape(document)
    assert f'lang="{language}"' in page
    assert "/audience/" not in page.replace("/static/audience/", "")  # no person's link
    if name in ("mail", "confirm", "offer"):
        assert word in page
        assert "<b>news</b>" not in page
    assert not Consent.objects.exists()


def test_the_previews_sender_is_shown_as_its_reader_sees_it(
    shop: Shop, client: Client, default: Audience, settings: Settings
) -> None:
    settings.EMAIL_CONFIGURED = True
    settings.DEFAULT_FROM_EMAIL = "shop@example.com"
    Audience.objects.update(sender_name="L'Atelier – été")
    page = html.unescape(post(client, shop, f"audiences/{default.pk}/preview", {"page": "mail"})[1])
    assert "<dd>L'Atelier – été <shop@example.com></dd>" in page


def test_a_typed_text_is_previewed_before_it_is_added(shop: Shop, client: Client, default: Audience) -> None:
    typed = {"page": "offer", "use": "own", "text": "Ja, bitte.", "wording_language": "de"}
    status, page = post(client, shop, f"audiences/{default.pk}/preview", typed)
    assert (status, "Ja, bitte." in page) == (200, True)
    assert post(client, shop, f"audiences/{default.pk}/preview", {"page": "none"})[0] == 200
    assert not KnownWording.objects.exists()


# ---- storefront keys, and permissions ----


def test_the_snippet_names_the_shops_own_key_and_channel(
    shop: Shop, client: Client, default: Audience
) -> None:
    revoked = storefront.create_key(shop.installation, ["https://old.example.com"])
    storefront.revoke_key(revoked)
    key = storefront.create_key(shop.installation, ["https://shop.example.com"])
    page = html.unescape(ask(client, shop, f"audiences/{default.pk}"))
    assert f"Authorization: Bearer {key.key}" in page
    assert 'audienceForm(channel: "default-channel")' in page
    assert revoked.key not in page
    headers = shop.headers(user_permissions=["MANAGE_USERS"])
    clerk = client.get(f"/dashboard/audiences/{default.pk}", headers=headers).content.decode()
    assert key.key not in clerk
    assert 'id="open-keys"' not in clerk


def test_audiences_of_another_shop_and_without_permission_are_refused(
    shop: Shop, client: Client, default: Audience
) -> None:
    foreign = create_audience(
        make_shop("https://other.example.com/graphql/", "QXBwOjk=").installation, AudienceSettings("Theirs")
    )
    assert "Theirs" not in ask(client, shop, "audiences")
    parts = ("save", "delete", "wordings", "preview", "channels/channel-pln")
    before = list(Audience.objects.order_by("pk").values())
    for path in (f"audiences/{foreign.pk}", f"audiences/{foreign.pk}/channels/channel-pln"):
        assert client.get(f"/dashboard/{path}", headers=shop.headers()).status_code == 404
    for part in parts:
        assert post(client, shop, f"audiences/{foreign.pk}/{part}", fields(foreign))[0] == 404
    clerk = shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS"])
    for path in ("audiences", "audiences/new", f"audiences/{default.pk}"):
        assert client.get(f"/dashboard/{path}", headers=clerk).status_code == 403
    for part in parts:
        assert client.post(f"/dashboard/audiences/{default.pk}/{part}", headers=clerk).status_code == 403
    assert client.post("/dashboard/audiences/new", headers=clerk).status_code == 403
    assert list(Audience.objects.order_by("pk").values()) == before
