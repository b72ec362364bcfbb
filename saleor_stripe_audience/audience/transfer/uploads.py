"""Uploads of files of contacts: in parts, as a request is limited; refused if they cannot be CSV; deleted in time."""

import io
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.transfer.columns import read_header, recognize_columns
from saleor_stripe_audience.audience.transfer.formats import Format, recognize
from saleor_stripe_audience.audience.transfer.models import ImportFile, ImportPart
from saleor_stripe_audience.audience.transfer.reading import (
    NO_CSV,
    Form,
    Record,
    check_kind,
    detect_start,
    read_rows,
)
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

PART_BYTES = 1024 * 1024
MOST_PARTS = 30
LARGEST = MOST_PARTS * PART_BYTES
KEPT = timedelta(days=7)
INCOMPLETE_KEPT = timedelta(days=1)
SAMPLE_ROWS = 5
MOST_COLUMNS = 200
MOST_STORED = 10  # files of a shop whose content is stored, at once
MOST_INCOMPLETE = 5  # uploads of a shop that are not complete: earlier ones were given up
# Whether the content of a file is stored.
IS_STORED = Exists(ImportPart.objects.filter(file=OuterRef("pk"), is_refused=False))
IS_REFUSED_STORED = Exists(ImportPart.objects.filter(file=OuterRef("pk"), is_refused=True))


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a file: its header, its first rows, and the columns that were recognized, by our field."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    found: Format
    columns: dict[str, tuple[int, ...]]


def store_part(
    audience: Audience, upload_id: UUID, position: int, content: bytes, *, actor: str, actor_name: str
) -> None:
    """Store one part of an upload; repeating it changes nothing.

    `Rejected` for a part that no file can have, and while the shop has as many files as it may.
    """
    if not content or len(content) > PART_BYTES or not 0 <= position < MOST_PARTS:
        raise Rejected(TOO_LARGE, code="import_size")
    if is_full(audience.installation):
        raise Rejected(with_values(FULL, most=MOST_STORED), code="import_full")
    with transaction.atomic():
        file, is_new = ImportFile.objects.get_or_create(
            pk=upload_id,
            defaults={
                "installation": audience.installation,
                "audience": audience,
                "actor": actor[:128],
                "actor_name": actor_name[:128],
            },
        )
        if file.installation_id != audience.installation_id or file.form:
            raise Rejected(INCOMPLETE, code="import_upload")
        if is_new:
            _drop_given_up(audience.installation)
        file.parts.update_or_create(position=position, is_refused=False, defaults={"content": content})
    if position == 0:
        check_kind(content)  # the rest need not be sent


def is_full(installation: Installation) -> bool:
    """Whether the shop has as many files as it may: complete ones whose content is still stored."""
    complete = ImportFile.objects.filter(installation=installation).exclude(form={})
    return complete.filter(IS_STORED).count() >= MOST_STORED


def _drop_given_up(installation: Installation) -> None:
    """Delete all but the newest uploads that are not complete. Inside the caller's transaction."""
    incomplete = ImportFile.objects.filter(installation=installation, form={})
    newest = incomplete.order_by("-created_at", "-pk").values_list("pk", flat=True)[:MOST_INCOMPLETE]
    incomplete.exclude(pk__in=list(newest)).delete()


def finish(audience: Audience, upload_id: UUID, name: str, size: int) -> ImportFile:
    """Take the file whose parts have all arrived; repeating it returns the same one.

    `Rejected` for a file that is empty, too large or not CSV, of which a part is missing, or that is one too many.
    """
    if size > LARGEST:
        raise Rejected(TOO_LARGE, code="import_size")
    if size <= 0:
        raise Rejected(EMPTY, code="import_empty")
    file = ImportFile.objects.filter(audience=audience, pk=upload_id).first()
    if (file is None or not file.form) and is_full(audience.installation):
        raise Rejected(with_values(FULL, most=MOST_STORED), code="import_full")
    if file is None:
        raise Rejected(INCOMPLETE, code="import_upload")
    if file.form:
        return file
    try:
        file.form = asdict(_detect(file, size))
        file.name = name.replace("\0", "")[:255]
        _check_rows(file)
    except Rejected:
        ImportFile.objects.filter(pk=file.pk).delete()
        raise
    file.save(update_fields=["form", "name", "updated_at"])
    return file


def _check_rows(file: ImportFile) -> None:
    if not read_start(file).rows:
        raise Rejected(EMPTY, code="import_empty")


def _detect(file: ImportFile, size: int) -> Form:
    """Look at the first part only: the check, which reads the whole file, may correct it."""
    parts = file.parts.filter(is_refused=False)
    arrived = parts.aggregate(bytes=Sum(Length("content")))["bytes"]
    first = parts.filter(position=0).values_list("content", flat=True).first()
    if first is not None:
        check_kind(bytes(first[:8]))  # the rest of such a file was not sent
    if first is None or arrived != size:
        raise Rejected(INCOMPLETE, code="import_upload")
    return detect_start(bytes(first), is_whole=len(first) == size)


def note_form(file: ImportFile, form: Form) -> None:
    """Store how the whole file is written; what staff chose is not what was detected."""
    found = asdict(form) | {
        name: file.form[name] for name in ("encoding", "separator") if file.choices.get(name)
    }
    ImportFile.objects.filter(pk=file.pk).update(form=found)


def form_of(file: ImportFile) -> Form:
    """Return how the file is written: as detected, or as staff chose."""
    form = Form(**file.form)
    encoding, separator = file.choices.get("encoding", ""), file.choices.get("separator", "")
    if not encoding and not separator:
        return form
    is_clean = form.is_clean and not encoding
    return replace(
        form,
        encoding=encoding or form.encoding,
        separator=separator or form.separator,
        is_clean=is_clean,
        is_certain=form.is_certain or bool(encoding),
    )


def read_start(file: ImportFile) -> Start:
    """Read the header and the first rows. `Rejected` if they are not CSV, or are no longer stored."""
    first = file.parts.filter(is_refused=False, position=0).values_list("content", flat=True).first()
    if first is None:
        raise Rejected(GONE, code="import_gone")
    records = read_rows(io.BytesIO(first), form_of(file))
    header = next(records, Record(0, [])).cells
    if any("\0" in name for name in header):
        raise Rejected(NO_CSV, code="import_csv")
    if len(header) > MOST_COLUMNS:
        raise Rejected(with_values(MANY_COLUMNS, count=len(header), most=MOST_COLUMNS), code="import_column")
    rows = tuple(tuple(each.cells) for each, _ in zip(records, range(SAMPLE_ROWS), strict=False))
    found = recognize(header)
    names = read_header(header)
    return Start(names, rows, found, recognize_columns(names, {}, found))


def open_file(file: ImportFile) -> BinaryIO:
    """Return the whole file, on disk. `Rejected` if it is no longer stored."""
    content = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    for part in parts_of(file):
        content.write(part)
    if not content.tell():
        content.close()
        raise Rejected(GONE, code="import_gone")
    content.seek(0)
    return content


def parts_of(file: ImportFile, *, is_refused: bool = False) -> Iterable[bytes]:
    """Yield the parts in their order."""
    parts = file.parts.filter(is_refused=is_refused).order_by("position")
    for content in parts.values_list("content", flat=True).iterator(chunk_size=1):
        yield bytes(content)


def has_content(file: ImportFile) -> bool:
    """Whether the file itself is still stored."""
    return file.parts.filter(is_refused=False).exists()


def choose_form(file: ImportFile) -> None:
    """Store the encoding and separator that staff chose; a check with former ones stops. Not once it is imported."""
    own = ImportFile.objects.filter(pk=file.pk, job=None)
    own.update(
        choices=file.choices,
        revision=F("revision") + 1,
        check_state=ImportFile.Check.NONE,
        report={},
        updated_at=timezone.now(),
    )


def discard(file: ImportFile) -> None:
    """Delete the file with all that was found in it. `Rejected` once it is being imported."""
    with transaction.atomic():
        current = ImportFile.objects.select_for_update().filter(pk=file.pk).first()
        if current is not None and current.job_id is not None:
            raise Rejected(STARTED, code="import_started")
        ImportFile.objects.filter(pk=file.pk).delete()


def has_refused(file: ImportFile) -> bool:
    """Whether the list of its refused rows is still stored."""
    return file.parts.filter(is_refused=True).exists()


def drop_content(files: QuerySet[ImportFile]) -> None:
    """Delete the files themselves; what was refused of them stays until they are forgotten."""
    ImportPart.objects.filter(file__in=files, is_refused=False).delete()


def forget_old() -> int:
    """Delete contents of a week ago, files of then that were never imported, and yesterday's incomplete uploads.

    Returns how many files and uploads were deleted.
    """
    now = timezone.now()
    old = ImportFile.objects.filter(created_at__lt=now - KEPT)
    ImportPart.objects.filter(file__in=old).exclude(file__job__state__in=Job.MOVING).delete()
    incomplete = ImportFile.objects.filter(created_at__lt=now - INCOMPLETE_KEPT, form={})
    forgotten = old.filter(job=None) | incomplete
    _rows, per_model = forgotten.delete()
    return per_model.get(ImportFile._meta.label, 0)  # noqa: SLF001 - Django documents _meta


@erasure.on_erase_addresses
def forget_addresses(installation: Installation, addresses: Iterable[str]) -> int:
    """Delete stored files that name an erased person; a check of them stops.

    Of one that is being imported only the refused rows: the import skips the person, and then the file goes.
    """
    starts = [f"{address.partition('@')[0]}@".lower() for address in addresses]
    own = ImportFile.objects.filter(installation=installation, parts__isnull=False).distinct()
    named = [file for file in own.select_related("job") if _mentions(file, starts)]
    for file in named:
        if file.job is not None and file.job.state in Job.MOVING:
            file.parts.filter(is_refused=True).delete()
        else:
            file.parts.all().delete()
            ImportFile.objects.filter(pk=file.pk, job=None).update(
                revision=F("revision") + 1, check_state=ImportFile.Check.NONE, report={}
            )
    return len(named)


def _mentions(file: ImportFile, starts: list[str]) -> bool:
    encoding = form_of(file).encoding if file.form else "utf-8"
    content = b"".join(parts_of(file)).decode(encoding, "ignore").lower()
    refused = b"".join(parts_of(file, is_refused=True)).decode("utf-8", "ignore").lower()
    return any(start in content or start in refused for start in starts)


TOO_LARGE = with_values(
    pgettext_lazy(
        "staff",
        "The file is larger than {most} MB. Split it, or ask the operator to import it on the command line.",
    ),
    most=LARGEST // PART_BYTES,
)
EMPTY = pgettext_lazy(
    "staff", "The file has no rows. Choose a CSV file with a header and at least one contact."
)
INCOMPLETE = pgettext_lazy("staff", "The file was not uploaded completely. Choose it again.")
STARTED = pgettext_lazy(
    "staff", "The import of this file has already started, so its options can no longer be changed."
)
GONE = pgettext_lazy("staff", "The file is no longer stored. Upload it again.")
MANY_COLUMNS = pgettext_lazy("staff", "The file has {count} columns. Keep at most {most} of them.")
FULL = pgettext_lazy(
    "staff",
    "{most} files are stored already. Import or discard one of them first, then choose this file again.",
)
