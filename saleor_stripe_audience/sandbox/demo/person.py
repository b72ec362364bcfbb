"""What the app tells of one contact: the status and its reasons, ledger, timeline, and each segment with why."""

from .shopper import Json
from .stage import Stage

PERSON = """query Person($email: String!) {
  contact(email: $email) { id email status consent deliverability lifecycle lawfulBasis mayReceive ordersCount
    spent { spent { amount currency } } audience { id }
    consents { kind at source sourceDetail wording } } }"""
STORY = """query Story($contact: ID!, $audience: ID!) {
  contactTimeline(contact: $contact, first: 12) { entries { at kind title amount { amount currency } } }
  segments(audience: $audience) { id name } }"""
WHY = "segmentExplain(segment: $s{number}, contact: $contact) {{ place type holds because }}"


def person(stage: Stage, email: str) -> Json | None:
    """The contact with `timeline` and `segments`; None while nobody is known by the address."""
    found: Json | None = stage.graphql(PERSON, email=email)["contact"]
    if found is None:
        return None
    story = stage.graphql(STORY, contact=found["id"], audience=found["audience"]["id"])
    timeline = story["contactTimeline"]["entries"]
    return found | {"timeline": timeline, "segments": _explained(stage, found["id"], story["segments"])}


def _explained(stage: Stage, contact: str, segments: list[Json]) -> list[Json]:
    """The segments, each with what makes the contact fit or not, all asked at once."""
    if not segments:
        return []
    names = "".join(f", $s{number}: ID!" for number in range(len(segments)))
    asked = " ".join(f"a{number}: {WHY.format(number=number)}" for number in range(len(segments)))
    wanted = {f"s{number}": segment["id"] for number, segment in enumerate(segments)}
    told = stage.graphql(f"query Why($contact: ID!{names}) {{ {asked} }}", contact=contact, **wanted)
    return [
        {"name": segment["name"], "holds": why[0]["holds"], "because": why[0]["because"]}
        for segment, why in zip(segments, told.values(), strict=True)
    ]
