"""List, preview, make, explain and delete the segments of an audience. What is found is printed as JSON."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import holder_of
from saleor_stripe_audience.audience.contacts.tags import tag_named
from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import membership, rules, store
from saleor_stripe_audience.audience.segments.explain import explain
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.commands import audiences
from saleor_stripe_audience.errors import Rejected

Json = Any


def run(arguments: Sequence[str]) -> int:
    """Do what the first argument says."""
    options = _options(arguments)
    told = _ACTIONS[options.action](audiences.audience_of(options), options)
    print(json.dumps(told, indent=2, ensure_ascii=False))
    return 0


def _list(audience: Audience, _options: argparse.Namespace) -> Json:
    return [_told(segment) for segment in audience.segments.order_by("name")]


def _preview(audience: Audience, options: argparse.Namespace) -> Json:
    seen = store.preview(audience, _tree(options))
    return {
        "count": seen.count,
        "milliseconds": round(seen.milliseconds, 1),
        "sample": [str(each.pk) for each in seen.sample],
        "notes": seen.notes,
    }


def _save(audience: Audience, options: argparse.Namespace) -> Json:
    tag = tag_named(audience, options.tag) if options.tag else None
    wish = store.Wish(_name(options), _tree(options), tag, options.accept_unknown)
    present = audience.segments.filter(name__iexact=wish.name.strip()).first()
    segment = store.change(present, wish) if present else store.create(audience, wish)
    membership.refresh_segment(segment.pk)
    segment.refresh_from_db()
    return _told(segment)


def _explain(audience: Audience, options: argparse.Namespace) -> Json:
    contact = holder_of(audience, normalised(options.email or ""))
    if contact is None:
        raise Rejected("The audience has no contact of this address (--email).", code="not_found")
    rule = rules.read(store.segment_named(audience, _name(options)).tree)
    return [
        {"place": each.place, "type": each.type, "holds": each.holds, "because": each.because}
        for each in explain(contact, rule, timezone.now()).flat()
    ]


def _delete(audience: Audience, options: argparse.Namespace) -> Json:
    segment = store.segment_named(audience, _name(options))
    store.delete(segment)
    return {"deleted": segment.name}


def _ready_made(audience: Audience, options: argparse.Namespace) -> Json:
    made = store.install_ready_made(audience, options.currency, options.big)
    for segment in made:
        membership.refresh_segment(segment.pk)
    return [_told(segment) for segment in made]


def _told(segment: Segment) -> Json:
    return {
        "name": segment.name,
        "members": segment.memberships.count(),
        "tag": segment.tag.name if segment.tag else None,
        "refreshed_at": segment.refreshed_at.isoformat() if segment.refreshed_at else None,
        "rule": segment.tree,
    }


def _name(options: argparse.Namespace) -> str:
    if not options.name:
        raise Rejected("Say which segment: --name.", code="segment")
    return str(options.name)


def _tree(options: argparse.Namespace) -> Json:
    if options.rule is None:
        raise Rejected("Give the rule: --rule FILE, or - for the standard input.", code="segment")
    try:
        text = sys.stdin.read() if str(options.rule) == "-" else options.rule.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError:
        raise Rejected("The file of the rule cannot be read.", code="segment") from None
    except (ValueError, RecursionError):
        raise Rejected("The rule is not JSON.", code="segment") from None


_ACTIONS: dict[str, Callable[[Audience, argparse.Namespace], Json]] = {
    "list": _list,
    "preview": _preview,
    "save": _save,
    "explain": _explain,
    "delete": _delete,
    "ready-made": _ready_made,
}


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience segment", description=__doc__)
    parser.add_argument("action", choices=_ACTIONS)
    audiences.add_options(parser)
    parser.add_argument("--name", metavar="NAME", help="the segment's")
    parser.add_argument(
        "--rule", type=Path, metavar="FILE", help="the rule's JSON, to preview or save; - reads it here"
    )
    parser.add_argument("--tag", default="", metavar="NAME", help="what members are tagged with, for save")
    parser.add_argument(
        "--accept-unknown", action="store_true", help="save it although it names what nobody has bought yet"
    )
    parser.add_argument("--email", metavar="ADDRESS", help="whom to explain")
    parser.add_argument("--currency", default="USD", help="of big spenders, for ready-made (default: USD)")
    parser.add_argument("--big", default="500", help="from how much somebody is a big spender (default: 500)")
    return parser.parse_args(arguments)
