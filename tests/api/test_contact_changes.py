"""Changes to contacts by staff and programs: by id, in their own shop, once, and attributed to them."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, create_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact, ContactTag, FormerAddress, Tag
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.audience.segments import store
from tests.api.conftest import Ask, Shop, changed, codes_of, errors_of, furnish, id_of, one
from tests.audience.histories import at, member, order
from tests.audience.records import record_order
from tests.conftest import shared_rows

ERRORS = "errors { field message code }"
ARCHIVE = f"""mutation ($id: ID!) {{ contactArchive(id: $id) {{ {ERRORS}
  contact {{ status lifecycle consent mayReceive }} }} }}"""
RESTORE = f"mutation ($id: ID!) {{ contactRestore(id: $id) {{ {ERRORS} contact {{ status }} }} }}"
MERGE = f"""mutation ($kept: ID!, $absorbed: ID!) {{ contactMerge(kept: $kept, absorbed: $absorbed) {{ {ERRORS}
  contact {{ id email ordersCount formerAddresses {{ email }} }} }} }}"""
RECORD = f"""mutation ($contact: ID!, $input: ConsentInput!) {{
  consentRecord(contact: $contact, input: $input) {{ {ERRORS}
    contact {{ status lawfulBasis }}
    consent {{ kind source sourceDetail actor wording ip needsConfirmation at }} }} }}"""
TAG_CREATE = f"""mutation ($audience: ID!, $name: String!) {{
  tagCreate(audience: $audience, name: $name) {{ {ERRORS} tag {{ id name }} }} }}"""
TAG_RENAME = f"""mutation ($id: ID!, $name: String!) {{
  tagRename(id: $id, name: $name) {{ {ERRORS} tag {{ id name }} }} }}"""
TAG_DELETE = f"mutation ($id: ID!) {{ tagDelete(id: $id) {{ {ERRORS} tag {{ id }} }} }}"
TAG_ADD = f"""mutation ($tag: ID!, $contacts: [ID!]!) {{
  tagAdd(tag: $tag, contacts: $contacts) {{ {ERRORS} changed tag {{ name contactsCount }} }} }}"""
TAG_REMOVE = f"""mutation ($tag: ID!, $contacts: [ID!]!) {{
  tagRemove(tag: $tag, contacts: $contacts) {{ {ERRORS} changed tag {{ contactsCount }} }} }}"""
ERASE = f"""mutation ($email: String!) {{ contactErase(email: $email) {{ {ERRORS}
  receipt {{ id reason actor erasedAt contactKeys erased {{ what count }} }} }} }}"""
READMIT = f"mutation ($email: String!) {{ contactReadmit(email: $email) {{ {ERRORS} wasErased }} }}"
RECEIPTS = "query ($email: String!) { erasureReceipts(email: $email) { id actor erased { what count } } }"
GIVEN = {"kind": "GIVEN", "consentAt": "2026-11-01T12:00:00Z", "wording": "News, please."}


CREATE = f"""mutation ($input: ContactCreateInput!) {{ contactCreate(input: $input) {{ {ERRORS} contact {{
  id email firstName lastName phone city country language status consent attributes {{ key value }} }} }} }}"""
UPDATE = f"""mutation ($id: ID!, $input: ContactInput!) {{ contactUpdate(id: $id, input: $input) {{ {ERRORS}
  contact {{ email firstName lastName city country language status }} }} }}"""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Shop, Shop]]:
    with shared_rows(django_db_blocker):
        yield furnish("mine.example", "ada@mine.example"), furnish("theirs.example", "bob@theirs.example")


@pytest.fixture
def mine(world: tuple[Shop, Shop], db: None) -> Shop:
    return deepcopy(world[0])


@pytest.fixture
def theirs(world: tuple[Shop, Shop], db: None) -> Shop:
    return deepcopy(world[1])


@pytest.fixture
def ada(mine: Shop) -> Contact:
    return Contact.objects.select_related("audience").get(email="ada@mine.example")


@pytest.fixture
def bob(theirs: Shop) -> Contact:
    return Contact.objects.select_related("audience").get(email="bob@theirs.example")


@pytest.fixture
def actor(write: Ask) -> str:
    return f"key:{ApiKey.objects.get(name='a clerk').pk}"


@pytest.fixture
def vip(ada: Contact) -> Tag:
    return ada.audience.tags.create(name="VIP")


def test_a_contact_is_made_non_subscribed(write: Ask, ada: Contact, caplog: pytest.LogCaptureFixture) -> None:
    profile = {"firstName": " Grace ", "lastName": "Hopper", "phone": "+441632960001", "city": "Leeds", "country": "UK",
               "language": "English"}  # fmt: skip
    asked = {"audience": id_of(ada.audience), "email": "Grace@Mine.example"} | profile
    made = changed(write(CREATE, input=asked))
    assert made | {"id": ""} == {
        "id": "", "email": "grace@mine.example", "firstName": "Grace", "lastName": "Hopper", "phone": "+441632960001",
        "city": "Leeds", "country": "GB", "language": "en", "status": "NONSUBSCRIBED", "consent": "UNKNOWN",
        "attributes": [],
    }  # fmt: skip
    assert errors_of(write(CREATE, input=asked)) == [("email", "UNIQUE")]
    assert Contact.objects.filter(email="grace@mine.example").count() == 1
    assert "grace" not in caplog.text.lower()


@pytest.mark.parametrize(
    ("email", "profile", "error"),
    [
        ("nobody", {}, ("email", "INVALID")),
        ("new@mine.example", {"country": "Atlantis"}, ("country", "INVALID")),
        ("new@mine.example", {"language": "Klingon!"}, ("language", "INVALID")),
        ("new@mine.example", {"firstName": "x" * 257}, (None, "TOO_LONG")),
        ("gone@mine.example", {}, ("email", "ERASED")),
    ],
)
def test_what_cannot_be_is_refused(
    write: Ask, ada: Contact, email: str, profile: dict[str, str], error: tuple[str | None, str]
) -> None:
    one(write(ERASE, email="gone@mine.example"))
    before = Contact.objects.count()
    answer = write(CREATE, input={"audience": id_of(ada.audience), "email": email} | profile)
    assert errors_of(answer) == [error]
    assert Contact.objects.count() == before


def test_a_profile_is_changed_and_nothing_else(write: Ask, ada: Contact) -> None:
    Contact.objects.filter(pk=ada.pk).update(consent="confirmed")
    for _ in range(2):
        profile = {"firstName": "Augusta", "lastName": "", "country": "FR"}
        assert changed(write(UPDATE, id=id_of(ada), input=profile)) == {
            "email": "ada@mine.example", "firstName": "Augusta", "lastName": "", "city": "", "country": "FR",
            "language": "en-us", "status": "SUBSCRIBED",
        }  # fmt: skip
    record_order(ada.audience.installation, order("77", email="ada@mine.example"), at(1))
    ada.refresh_from_db()
    assert ada.first_name == "Augusta"  # Saleor's earlier values are older


def test_another_shops_contacts_and_audiences_are_out_of_reach(
    write: Ask, ada: Contact, bob: Contact
) -> None:
    assert codes_of(write(UPDATE, id=id_of(bob), input={"firstName": "X"})) == {"NOT_FOUND"}
    asked = {"audience": id_of(bob.audience), "email": "new@mine.example"}
    assert codes_of(write(CREATE, input=asked)) == {"NOT_FOUND"}
    assert Contact.objects.count() == 2


def test_keys_of_metadata_and_ads_are_chosen(write: Ask, ada: Contact) -> None:
    query = f"""mutation ($id: ID!, $input: AudienceInput!) {{ audienceUpdate(id: $id, input: $input) {{ {ERRORS}
      audience {{ attributeKeys adsToBuyers language }} }} }}"""
    chosen = {"attributeKeys": ["tier"], "adsToBuyers": True}
    assert changed(write(query, id=id_of(ada.audience), input=chosen)) == {
        "attributeKeys": ["tier"], "adsToBuyers": True, "language": "",
    }  # fmt: skip
    bad = write(query, id=id_of(ada.audience), input={"language": "Klingon!"})
    assert errors_of(bad) == [("language", "INVALID")]


def test_a_contact_is_filed_away_and_taken_back(write: Ask, ada: Contact) -> None:
    for _ in range(2):
        archived = changed(write(ARCHIVE, id=id_of(ada)))
        assert archived == {
            "status": "ARCHIVED",
            "lifecycle": "ARCHIVED",
            "consent": "UNKNOWN",
            "mayReceive": ["TRANSACTIONAL"],
        }
    for _ in range(2):
        assert changed(write(RESTORE, id=id_of(ada))) == {"status": "NONSUBSCRIBED"}


def test_two_contacts_become_one(write: Ask, mine: Shop, ada: Contact) -> None:
    record_order(mine.installation, order("5", email="a@work.example"), at(5))
    other = id_of(Contact.objects.get(email="a@work.example"))
    for _ in range(2):
        merged = changed(write(MERGE, kept=id_of(ada), absorbed=other))
        assert (merged["email"], merged["ordersCount"]) == ("ada@mine.example", 3)
        assert merged["formerAddresses"] == [{"email": "a@work.example"}]
    assert FormerAddress.objects.count() == 1


def test_what_cannot_be_merged_is_reported(write: Ask, mine: Shop, ada: Contact) -> None:
    assert errors_of(write(MERGE, kept=id_of(ada), absorbed=id_of(ada))) == [("absorbed", "INVALID")]
    for number in (7, 8):
        user = member(number, f"{number}@mine.example")
        record_order(mine.installation, order(str(number), email=user["email"], user=user), at(number))
    seven, eight = (id_of(Contact.objects.get(email=f"{number}@mine.example")) for number in (7, 8))
    assert errors_of(write(MERGE, kept=seven, absorbed=eight)) == [("absorbed", "MERGE_TWO_ACCOUNTS")]
    merged = changed(write(MERGE, kept=id_of(ada), absorbed=seven))
    assert merged["email"] == "7@mine.example"  # the contact with the account
    assert Contact.objects.filter(audience=ada.audience).count() == 2


def test_staff_write_down_what_a_person_said(write: Ask, ada: Contact, actor: str) -> None:
    for _ in range(2):
        said = GIVEN | {"where": "by telephone", "ip": "192.0.2.7"}
        result = one(write(RECORD, contact=id_of(ada), input=said))
        assert result["contact"] == {"status": "SUBSCRIBED", "lawfulBasis": "CONSENT"}
        assert result["consent"] == {
            "kind": "GIVEN",
            "source": "STAFF",
            "sourceDetail": "by telephone",
            "actor": actor,
            "wording": "News, please.",
            "ip": "192.0.2.7",
            "needsConfirmation": False,
            "at": "2026-11-01T12:00:00+00:00",
        }
    assert ada.consents.count() == 1
    said = {"kind": "WITHDRAWN", "consentAt": "2026-11-02T12:00:00Z"}
    result = one(write(RECORD, contact=id_of(ada), input=said))
    assert result["contact"] == {"status": "UNSUBSCRIBED", "lawfulBasis": "NONE"}
    assert result["consent"]["wording"] is None


def test_double_opt_in_holds_for_paper_too(write: Ask, ada: Contact) -> None:
    Audience.objects.filter(pk=ada.audience_id).update(double_opt_in=True)
    result = one(write(RECORD, contact=id_of(ada), input=GIVEN))
    assert result["contact"]["status"] == "PENDING"
    assert result["consent"]["needsConfirmation"]


@pytest.mark.parametrize(
    ("unfit", "code"),
    [
        ({"wording": " "}, "REQUIRED"),
        ({"wording": "x" * 10_001}, "TOO_LONG"),
        ({"consentAt": "2026-11-01T12:00:00"}, "INVALID"),
        ({"consentAt": "yesterday"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"ip": "home"}, "INVALID"),
        ({"kind": "CONFIRMED"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_an_unfit_word_is_not_written_down(
    write: Ask, ada: Contact, unfit: dict[str, Any], code: str
) -> None:
    answer = write(RECORD, contact=id_of(ada), input=GIVEN | unfit)
    assert codes_of(answer) == {code}
    if code != "GRAPHQL_VALIDATION_FAILED":
        assert errors_of(answer) == [(*unfit, code)]
    assert not Consent.objects.exists()


def test_tags_are_made_renamed_and_deleted(write: Ask, ada: Contact) -> None:
    made = [
        changed(write(TAG_CREATE, audience=id_of(ada.audience), name=name))
        for name in (" Big  buyer ", "BIG BUYER")
    ]
    assert made[0] == made[1]
    assert made[0]["name"] == "Big buyer"
    assert changed(write(TAG_RENAME, id=made[0]["id"], name="Whale"))["name"] == "Whale"
    other = changed(write(TAG_CREATE, audience=id_of(ada.audience), name="Other"))
    assert errors_of(write(TAG_RENAME, id=other["id"], name="whale")) == [("name", "UNIQUE")]
    assert errors_of(write(TAG_CREATE, audience=id_of(ada.audience), name="t" * 101)) == [(None, "INVALID")]
    assert changed(write(TAG_DELETE, id=other["id"])) == {"id": other["id"]}
    assert codes_of(write(TAG_DELETE, id=other["id"])) == {"NOT_FOUND"}
    assert [tag.name for tag in Tag.objects.all()] == ["Whale"]


def test_a_tag_that_a_segment_uses_stays(write: Ask, ada: Contact, vip: Tag) -> None:
    tree = {"version": 1, "root": {"type": "status", "in": ["subscribed"]}}
    store.create(ada.audience, store.SegmentValues("Fans", tree, tag=vip))
    assert errors_of(write(TAG_DELETE, id=id_of(vip))) == [(None, "TAG_IN_USE")]
    assert Tag.objects.filter(pk=vip.pk).exists()


def test_a_tag_is_put_on_and_taken_off(write: Ask, ada: Contact, vip: Tag, actor: str) -> None:
    cid = Contact.objects.create(audience=ada.audience, email="cid@mine.example")
    both = [id_of(ada), id_of(cid), id_of(ada)]
    assert [one(write(TAG_ADD, tag=id_of(vip), contacts=both))["changed"] for _ in range(2)] == [2, 0]
    assert ContactTag.objects.filter(actor=actor, origin="staff").count() == 2
    found = '{ contact(email: "ada@mine.example") { tags { origin actor tag { name } } } }'
    assert one(write(found))["tags"] == [{"origin": "STAFF", "actor": actor, "tag": {"name": "VIP"}}]
    removed = [one(write(TAG_REMOVE, tag=id_of(vip), contacts=[id_of(ada)])) for _ in range(2)]
    assert removed == [
        {"changed": 1, "tag": {"contactsCount": 1}},
        {"changed": 0, "tag": {"contactsCount": 1}},
    ]


def test_tags_go_on_all_contacts_or_none(
    write: Ask, mine: Shop, ada: Contact, bob: Contact, vip: Tag
) -> None:
    elsewhere = Contact.objects.create(
        audience=create_audience(mine.installation, AudienceSettings("Other")), email="x@mine.example"
    )
    for query in (TAG_ADD, TAG_REMOVE):
        assert codes_of(write(query, tag=id_of(vip), contacts=[id_of(ada), id_of(bob)])) == {"NOT_FOUND"}
        assert errors_of(write(query, tag=id_of(vip), contacts=[])) == [("contacts", "TOO_MANY_VALUES")]
    both = [id_of(ada), id_of(elsewhere)]
    assert errors_of(write(TAG_ADD, tag=id_of(vip), contacts=both)) == [(None, "INVALID")]
    many = [id_of(Contact(), "Contact") for _ in range(101)]
    assert errors_of(write(TAG_ADD, tag=id_of(vip), contacts=many)) == [("contacts", "TOO_MANY_VALUES")]
    assert not ContactTag.objects.exists()


def test_a_person_is_erased_with_a_receipt_and_let_in_again(write: Ask, ada: Contact, actor: str) -> None:
    receipt = changed(write(ERASE, email=" Ada@mine.example"))
    assert (receipt["reason"], receipt["actor"]) == ("REQUEST", actor)
    assert receipt["contactKeys"] == [str(ada.pk)]
    assert {"what": "Contact", "count": 1} in receipt["erased"]
    assert not Contact.objects.filter(pk=ada.pk).exists()
    again = changed(write(ERASE, email="ada@mine.example"))
    assert again["contactKeys"] == []
    assert [each["id"] for each in one(write(RECEIPTS, email="ada@mine.example"))] == [
        again["id"],
        receipt["id"],
    ]
    node = "query ($id: ID!) { node(id: $id) { __typename id } }"
    assert one(write(node, id=receipt["id"])) == {"__typename": "ErasureReceipt", "id": receipt["id"]}
    assert [one(write(READMIT, email="ada@mine.example"))["wasErased"] for _ in range(2)] == [True, False]


def test_another_shops_people_are_neither_erased_nor_shown(write: Ask, bob: Contact) -> None:
    one(write(ERASE, email="bob@theirs.example"))
    assert Contact.objects.filter(pk=bob.pk).exists()
    export = "query ($email: String!) { subjectExport(email: $email) }"
    exported = one(write(export, email="bob@theirs.example"))
    assert (exported["contacts"], exported["events"], exported["is_erased"]) == ([], [], True)
    Erasure.objects.update(installation=bob.audience.installation)
    assert one(write(RECEIPTS, email="bob@theirs.example")) == []


def test_all_that_is_held_of_a_person(write: Ask, ada: Contact) -> None:
    one(write(RECORD, contact=id_of(ada), input=GIVEN))
    exported = one(write('{ subjectExport(email: "ada@mine.example") }'))
    [contact] = exported["contacts"]
    assert contact["email"] == "ada@mine.example"
    assert contact["consents"][0]["wording"] == "News, please."
    assert len(contact["purchases"]) == 2


@pytest.mark.parametrize(
    "query", [ERASE, READMIT, RECEIPTS, "query ($email: String!) { subjectExport(email: $email) }"]
)
@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a" * 300 + "@mine.example", "a@b.example, c@d.example"]
)
def test_an_address_that_is_none_is_reported(write: Ask, query: str, email: str) -> None:
    assert codes_of(write(query, email=email)) == {"INVALID"}


IDS = {
    ARCHIVE: {"id": "Contact"},
    RESTORE: {"id": "Contact"},
    MERGE: {"kept": "Contact", "absorbed": "Contact"},
    RECORD: {"contact": "Contact"},
    TAG_CREATE: {"audience": "Audience"},
    TAG_RENAME: {"id": "Tag"},
    TAG_DELETE: {"id": "Tag"},
    TAG_ADD: {"tag": "Tag", "contacts": "Contact"},
    TAG_REMOVE: {"tag": "Tag", "contacts": "Contact"},
}
OTHERWISE: dict[str, Any] = {"input": GIVEN, "name": "new"}


@pytest.mark.parametrize("query", IDS, ids=[re.findall(r"\{\s+(\w+)\(", query)[0] for query in IDS])
def test_ids_of_another_shop_are_not_found(
    write: Ask, ada: Contact, bob: Contact, vip: Tag, query: str
) -> None:
    """Each id in turn belongs to another shop or another type, does not exist, or is not an id."""
    own = {"Contact": ada, "Audience": ada.audience, "Tag": vip}
    foreign = {"Contact": bob, "Audience": bob.audience, "Tag": bob.audience.tags.create(name="theirs")}
    before = _state()
    names = re.findall(r"\$(\w+):", query)
    for wrong, kind in IDS[query].items():
        for bad in (
            id_of(foreign[kind]),
            id_of(own[kind], "Payment"),
            id_of(type(own[kind])(), kind),
            "Q29udGFjdDp4",  # Contact:x
        ):
            sent = {name: OTHERWISE[name] for name in names if name in OTHERWISE}
            for argument, of in IDS[query].items():
                given = bad if argument == wrong else id_of(own[of])
                sent[argument] = [given] if argument == "contacts" else given
            assert codes_of(write(query, **sent)) == {"NOT_FOUND"}, (wrong, bad)
    garbled = {each: ["?"] if each == "contacts" else "?" for each in IDS[query]}
    sent = {name: OTHERWISE[name] for name in names if name in OTHERWISE} | garbled
    assert codes_of(write(query, **sent)) == {"GRAPHQL_ERROR"}
    assert _state() == before


def _state() -> list[Any]:
    kinds = (Contact, Tag, ContactTag, Consent, Audience, FormerAddress)
    return [list(kind._default_manager.order_by("pk").values()) for kind in kinds]


@pytest.mark.parametrize("query", [*IDS, ERASE, READMIT, 'query { subjectExport(email: "a@b.example") }'])
def test_a_change_needs_the_scope(ask: Ask, ada: Contact, query: str) -> None:
    """The key of `ask` can read everything and write nothing."""
    names = re.findall(r"\$(\w+):", query)
    values: dict[str, Any] = OTHERWISE | {"email": "ada@mine.example", "contacts": [id_of(ada)]}
    before = _state()
    assert codes_of(ask(query, **{name: values.get(name, id_of(ada)) for name in names})) == {
        "PERMISSION_DENIED"
    }
    assert _state() == before
