"""What the app knows about one contact: the status and its reasons, ledger, timeline, and segments with reasons."""

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
    """Return the contact with `timeline` and `segments`; None while there is no contact with the address."""
    found: Json | None = stage.graphql(PERSON, email=email)["contact"]
    if found is None:
        return None
    story = stage.graphql(STORY, contact=found["id"], audience=found["audience"]["id"])
    timeline = story["contactTimeline"]["entries"]
    return found | {"timeline": timeline, "segments": _explained(stage, found["id"], story["segments"])}


def _explained(stage: Stage, contact: str, segments: list[Json]) -> list[Json]:
    """Return the segments, each with why the contact matches or not, in one query."""
    if not segments:
        return []
    names = "".join(f", $s{number}: ID!" for number in range(len(segments)))
    fields = " ".join(f"a{number}: {WHY.format(number=number)}" for number in range(len(segments)))
    wanted = {f"s{number}": segment["id"] for number, segment in enumerate(segments)}
    explained = stage.graphql(f"query Why($contact: ID!{names}) {{ {fields} }}", contact=contact, **wanted)
    return [
        {"name": segment["name"], "holds": why[0]["holds"], "because": why[0]["because"]}
        for segment, why in zip(segments, explained.values(), strict=True)
    ]
