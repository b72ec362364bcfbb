"""List, preview, save, explain and delete the segments of an audience. Prints JSON."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from saleor_stripe_audience.audience.contacts.identity import find_by_address
from saleor_stripe_audience.audience.contacts.tags import get_or_create_tag
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import membership, rules, store
from saleor_stripe_audience.audience.segments.explain import explain
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.commands import audiences
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import ENGLISH, in_language

Json = Any


def run(arguments: Sequence[str]) -> int:
    """Run the action of the first argument."""
    options = _options(arguments)
    result = _ACTIONS[options.action](audiences.audience_of(options), options)
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0


def _list(audience: Audience, _options: argparse.Namespace) -> Json:
    return [_as_json(segment) for segment in audience.segments.order_by("name")]


def _preview(audience: Audience, options: argparse.Namespace) -> Json:
    preview = store.preview(audience, _tree(options))
    return {
        "count": preview.count,
        "milliseconds": round(preview.milliseconds, 1),
        "sample": [str(each.pk) for each in preview.sample],
        "notes": preview.notes,
    }


def _save(audience: Audience, options: argparse.Namespace) -> Json:
    tag = get_or_create_tag(audience, options.tag) if options.tag else None
    values = store.SegmentValues(_name(options), _tree(options), tag, options.accept_unknown)
    existing = audience.segments.filter(name__iexact=values.name.strip()).first()
    segment = store.change(existing, values) if existing else store.create(audience, values)
    membership.refresh_segment(segment.pk)
    segment.refresh_from_db()
    return _as_json(segment)


def _explain(audience: Audience, options: argparse.Namespace) -> Json:
    contact = find_by_address(audience, normalize_email(options.email or ""))
    if contact is None:
        raise Rejected("The audience has no contact with this address (--email).", code="not_found")
    rule = rules.read(store.segment_named(audience, _name(options)).tree)
    return [
        {
            "place": each.place,
            "type": each.type,
            "holds": each.holds,
            "because": in_language(each.because, ENGLISH),
        }
        for each in explain(contact, rule, timezone.now()).flat()
    ]


def _delete(audience: Audience, options: argparse.Namespace) -> Json:
    segment = store.segment_named(audience, _name(options))
    store.delete(segment)
    return {"deleted": segment.name}


def _ready_made(audience: Audience, options: argparse.Namespace) -> Json:
    segments = store.install_ready_made(audience, options.currency, options.big)
    for segment in segments:
        membership.refresh_segment(segment.pk)
    return [_as_json(segment) for segment in segments]


def _as_json(segment: Segment) -> Json:
    return {
        "name": segment.name,
        "members": segment.memberships.count(),
        "tag": segment.tag.name if segment.tag else None,
        "refreshed_at": segment.refreshed_at.isoformat() if segment.refreshed_at else None,
        "failed_at": segment.failed_at.isoformat() if segment.failed_at else None,
        "rule": segment.tree,
    }


def _name(options: argparse.Namespace) -> str:
    if not options.name:
        raise Rejected("Give the segment: --name.", code="segment")
    return str(options.name)


def _tree(options: argparse.Namespace) -> Json:
    if options.rule is None:
        raise Rejected("Give the rule: --rule FILE, or - for standard input.", code="segment")
    try:
        text = sys.stdin.read() if str(options.rule) == "-" else options.rule.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError:
        raise Rejected("The rule's file cannot be read.", code="segment") from None
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
    parser.add_argument("--name", metavar="NAME", help="the segment's name")
    parser.add_argument(
        "--rule",
        type=Path,
        metavar="FILE",
        help="the rule's JSON, to preview or save; - reads it from standard input",
    )
    parser.add_argument("--tag", default="", metavar="NAME", help="the tag of its members, for save")
    parser.add_argument(
        "--accept-unknown",
        action="store_true",
        help="save it even if the rule refers to something that nobody has bought yet",
    )
    parser.add_argument("--email", metavar="ADDRESS", help="the contact to explain")
    parser.add_argument("--currency", default="USD", help="for big spenders, for ready-made (default: USD)")
    parser.add_argument("--big", default="500", help="the minimum for a big spender (default: 500)")
    return parser.parse_args(arguments)
