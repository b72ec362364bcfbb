"""Audiences over the API: reading, creating and changing them, and the channels that feed them."""

from typing import Any

import pytest

from saleor_stripe_audience.audience.people.audiences import AudienceSettings, create_audience
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, Contact
from saleor_stripe_audience.audience.signup.metadata import report_problem
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Channel, Problem
from tests.api.conftest import Ask, Shop, changed, codes_of, errors_of, id_of, one
from tests.audience.histories import at, order
from tests.audience.records import record_order

AUDIENCES = """{ audiences { id name isDefault language doubleOptIn consentText cartSilenceMinutes createdAt channels
  contactsByStatus { status count } tags { name contactsCount } } }"""
CREATE = """mutation ($input: AudienceCreateInput!) { audienceCreate(input: $input) { errors { field message code }
  audience { id name language doubleOptIn consentText cartSilenceMinutes channels } } }"""
UPDATE = """mutation ($id: ID!, $input: AudienceInput!) { audienceUpdate(id: $id, input: $input) {
  errors { field message code } audience { name language consentText cartSilenceMinutes } } }"""
PREVIEW = """query ($channel: String!, $target: ID!) { channelMovePreview(channel: $channel, target: $target) {
  channel source { id name } target { id } contacts subscribed alreadyThere sentences } }"""
MOVE = """mutation ($channel: String!, $source: ID!, $target: ID!) {
  channelMove(channel: $channel, source: $source, target: $target) { errors { field message code }
    audience { name channels } } }"""


@pytest.fixture
def french(mine: Shop) -> Audience:
    for slug in ("default-channel", "fr"):
        Channel.objects.create(installation=mine.installation, slug=slug, name=slug, currency="EUR")
    return create_audience(mine.installation, AudienceSettings("Nouvelles"))


def default_of(shop: Shop) -> Audience:
    return Audience.objects.get(installation=shop.installation, is_default=True)


def test_all_of_an_audience_is_reported(ask: Ask, french: Audience, theirs: Shop) -> None:
    own, other = one(ask(AUDIENCES))
    assert (own["name"], own["isDefault"], own["channels"]) == (
        "mine.example",
        True,
        ["default-channel", "fr"],
    )
    assert {row["status"]: row["count"] for row in own["contactsByStatus"]} == {
        "NONSUBSCRIBED": 1,
        "PENDING": 0,
        "SUBSCRIBED": 0,
        "UNSUBSCRIBED": 0,
        "CLEANED": 0,
        "ARCHIVED": 0,
    }
    assert (other["name"], other["isDefault"], other["channels"]) == ("Nouvelles", False, [])
    assert (other["cartSilenceMinutes"], other["consentText"], other["tags"]) == (60, "", [])


def test_what_each_status_may_receive(ask: Ask) -> None:
    rows = one(ask("{ statusRules { status mayReceive } }"))
    assert {row["status"]: row["mayReceive"] for row in rows} == {
        "NONSUBSCRIBED": ["TRANSACTIONAL"],
        "PENDING": ["TRANSACTIONAL"],
        "SUBSCRIBED": ["TRANSACTIONAL", "MARKETING", "ADS"],
        "UNSUBSCRIBED": ["TRANSACTIONAL"],
        "CLEANED": [],
        "ARCHIVED": ["TRANSACTIONAL"],
    }


def test_an_audience_is_made_once_and_changed(write: Ask, mine: Shop, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = True
    wanted = {
        "name": " News ",
        "language": "FR-ca",
        "doubleOptIn": True,
        "consentText": "Yes.",
        "cartSilenceMinutes": 30,
    }
    made = changed(write(CREATE, input=wanted))
    assert made.pop("id")
    assert made == {
        "name": "News",
        "language": "fr-ca",
        "doubleOptIn": True,
        "consentText": "Yes.",
        "cartSilenceMinutes": 30,
        "channels": [],
    }
    assert errors_of(write(CREATE, input=wanted)) == [("name", "UNIQUE")]
    row = Audience.objects.get(name="News")
    assert changed(write(UPDATE, id=id_of(row), input={"name": "Letters"})) == {
        "name": "Letters",
        "language": "fr-ca",
        "consentText": "Yes.",
        "cartSilenceMinutes": 30,
    }
    emptied = write(UPDATE, id=id_of(row), input={"name": "Letters", "consentText": ""})
    assert changed(emptied)["consentText"] == ""
    report_problem(mine.installation, "checkout", Rejected("", code="consent_without_wording"))
    write(UPDATE, id=id_of(row), input={"name": "News"})
    assert Problem.objects.exists()
    write(UPDATE, id=id_of(row), input={"consentText": "Yes."})
    assert not Problem.objects.exists()
    row.refresh_from_db()
    assert row.double_opt_in


@pytest.mark.parametrize(
    ("unfit", "code"),
    [
        ({"name": " "}, "INVALID"),
        ({"name": "n" * 201}, "INVALID"),
        ({"name": "two\nlines"}, "INVALID"),
        ({"name": "mine.example"}, "UNIQUE"),
        ({"language": "x" * 36}, "INVALID"),
        ({"consentText": "x" * 10_001}, "TOO_LONG"),
        ({"cartSilenceMinutes": 0}, "INVALID"),
        ({"cartSilenceMinutes": 2**31 - 1}, "INVALID"),
        ({"doubleOptIn": True}, "EMAIL_NOT_CONFIGURED"),
    ],
)
def test_an_unfit_audience_is_neither_made_nor_changed(
    write: Ask, french: Audience, settings: Any, unfit: dict[str, Any], code: str
) -> None:
    settings.EMAIL_CONFIGURED = False
    before = list(Audience.objects.order_by("pk").values())
    [field] = unfit
    assert errors_of(write(CREATE, input={"name": "New"} | unfit)) == [(field, code)]
    assert errors_of(write(UPDATE, id=id_of(french), input=unfit)) == [(field, code)]
    assert list(Audience.objects.order_by("pk").values()) == before


def test_a_channel_is_moved_as_it_was_previewed(write: Ask, mine: Shop, french: Audience) -> None:
    default = default_of(mine)
    preview = one(write(PREVIEW, channel="default-channel", target=id_of(french)))
    assert (preview["contacts"], preview["subscribed"], preview["alreadyThere"]) == (1, 0, 0)
    assert preview["source"]["name"] == "mine.example"
    assert "1 contacts" in preview["sentences"][0]
    assert not ChannelAudience.objects.exists()

    wanted = {
        "channel": preview["channel"],
        "source": preview["source"]["id"],
        "target": preview["target"]["id"],
    }
    for _ in range(2):
        assert changed(write(MOVE, **wanted)) == {"name": "Nouvelles", "channels": ["default-channel"]}
    record_order(mine.installation, order("9", email="new@mine.example"), at(9))
    assert Contact.objects.get(email="new@mine.example").audience == french
    assert Contact.objects.get(email="ada@mine.example").audience == default


def test_a_move_that_was_overtaken_is_refused(write: Ask, mine: Shop, french: Audience) -> None:
    third, default = create_audience(mine.installation, AudienceSettings("Third")), default_of(mine)
    changed(write(MOVE, channel="fr", source=id_of(default), target=id_of(third)))
    late = write(MOVE, channel="fr", source=id_of(default), target=id_of(french))
    assert errors_of(late) == [("source", "CHANNEL_MOVED")]
    assert ChannelAudience.objects.get(channel="fr").audience == third


def test_what_is_not_the_shops_is_not_found(write: Ask, mine: Shop, theirs: Shop, french: Audience) -> None:
    foreign, own = id_of(default_of(theirs)), id_of(default_of(mine))
    before = list(Audience.objects.order_by("pk").values()), list(ChannelAudience.objects.values())
    for answer in (
        write(UPDATE, id=foreign, input={"name": "Mine now"}),
        write(PREVIEW, channel="fr", target=foreign),
        write(MOVE, channel="fr", source=own, target=foreign),
        write(MOVE, channel="fr", source=foreign, target=id_of(french)),
        write(UPDATE, id=id_of(french, "Contact"), input={"name": "x"}),
        write("query ($id: ID!) { contacts(first: 1, audience: $id) { totalCount } }", id=foreign),
        write('query ($id: ID!) { contact(email: "bob@theirs.example", audience: $id) { id } }', id=foreign),
    ):
        assert codes_of(answer) == {"NOT_FOUND"}
    nowhere = write(MOVE, channel="nowhere", source=own, target=id_of(french))
    assert errors_of(nowhere) == [("channel", "NOT_FOUND")]
    assert (list(Audience.objects.order_by("pk").values()), list(ChannelAudience.objects.values())) == before


def test_contacts_are_of_one_audience(ask: Ask, mine: Shop, french: Audience) -> None:
    Contact.objects.create(audience=french, email="ada@mine.example", first_name="Française")
    query = """query ($id: ID) { contacts(first: 1, audience: $id) { totalCount edges { node { firstName
      audience { name } } } } contact(email: "ada@mine.example", audience: $id) { firstName } }"""
    default, other = ask(query)["data"], ask(query, id=id_of(french))["data"]
    assert default["contacts"]["totalCount"] == other["contacts"]["totalCount"] == 1
    assert (default["contact"]["firstName"], other["contact"]["firstName"]) == ("Ada", "Française")
    assert other["contacts"]["edges"][0]["node"]["audience"] == {"name": "Nouvelles"}


def test_a_new_shop_has_an_audience_from_the_start(ask: Ask, mine: Shop) -> None:
    Audience.objects.all().delete()
    nobody = ask(
        '{ contacts(first: 1) { totalCount edges { node { id } } } contact(email: "a@b.example") { id } }'
    )
    assert nobody["data"] == {"contacts": {"totalCount": 0, "edges": []}, "contact": None}
    lists = [one(ask("{ audiences { id isDefault } }")) for _ in range(2)]
    assert lists[0] == lists[1]
    assert [each["isDefault"] for each in lists[0]] == [True]


DELETE = "mutation ($id: ID!) { audienceDelete(id: $id) { errors { field message code } id } }"
REPLACE = """mutation ($id: ID!, $wording: String!, $language: String) {
  audienceWordingReplace(id: $id, wording: $wording, language: $language) { errors { field message code }
    audience { consentText wordings { text language version until } } } }"""


def test_an_audience_is_deleted_only_if_nothing_depends_on_it(
    write: Ask, french: Audience, mine: Shop, theirs: Shop
) -> None:
    moved = ChannelAudience.objects.create(installation=mine.installation, channel="fr", audience=french)
    assert errors_of(write(DELETE, id=id_of(french))) == [("id", "INVALID_STATUS")]
    moved.delete()
    contact = Contact.objects.create(audience=french, email="bob@mine.example")
    assert errors_of(write(DELETE, id=id_of(french))) == [("id", "INVALID_STATUS")]
    contact.delete()
    assert errors_of(write(DELETE, id=id_of(default_of(mine)))) == [("id", "INVALID_STATUS")]
    assert errors_of(write(DELETE, id=id_of(default_of(theirs)))) == [("id", "NOT_FOUND")]
    assert changed(write(DELETE, id=id_of(french))) == id_of(french)
    assert not Audience.objects.filter(pk=french.pk).exists()


def test_a_text_is_replaced_in_one_language_and_kept(write: Ask, mine: Shop) -> None:
    own = id_of(default_of(mine))
    write(REPLACE, id=own, wording="Yes.")
    write(REPLACE, id=own, wording="Oui.", language="FR")
    for _ in range(2):
        audience = changed(write(REPLACE, id=own, wording="Oui, volontiers.", language="fr"))
    assert audience["consentText"] == "Yes."
    kept = [
        (row["text"], row["language"], row["version"], bool(row["until"])) for row in audience["wordings"]
    ]
    assert sorted(kept) == [
        ("Oui, volontiers.", "fr", 2, False),
        ("Oui.", "fr", 1, True),
        ("Yes.", "", 1, False),
    ]
    assert errors_of(write(REPLACE, id=own, wording=" ")) == [("wording", "REQUIRED")]
    assert errors_of(write(REPLACE, id=own, wording="Ja.", language="klingonese")) == [
        ("language", "INVALID")
    ]
