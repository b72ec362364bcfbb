"""Staff import contacts from a file in a real iframe, by keyboard: it is refused, read, checked, imported."""

from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Route, expect

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.transfer import file_import
from saleor_stripe_audience.audience.transfer.models import ImportFile
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from tests.browser.conftest import REFUSED, Staff
from tests.browser.test_accessibility import violations
from tests.browser.test_page import look, look_at_page
from tests.dashboard.rows import a_contact

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = (
    "Adresse e-mail;Prénom;Ville;Newsletter;Pointure\n"
    "eve@example.com;Ève;Lyon;oui;38\n"
    "ada@example.com;Ada;Paris;;39\n"
    "personne;Jean;Nantes;;40\n"
    "bob@example.com;Bob;Lille;désabonné;41\n"
    "EVE@example.com;Ève;Lyon;;38\n"
)


def a_file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def check() -> None:
    """Do what the worker does for the newest file."""
    file = ImportFile.objects.latest("created_at")
    file_import.check(file.pk, file.revision)


def upload(page: FrameLocator, folder: Path, content: bytes) -> None:
    page.get_by_label("Fichier").set_input_files(a_file(folder, "clients.csv", content))
    page.get_by_role("button", name="Envoyer").press("Enter")
    expect(page.get_by_role("heading", level=1, name="clients.csv")).to_be_focused()


def test_a_file_is_refused_or_understood(staff: Staff, tmp_path: Path) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts", theme="light", locale="fr")
    page.get_by_role("button", name="Importer des contacts").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Importer des contacts")).to_be_focused()
    staff.page.wait_for_url("**/contacts/import/~*")
    field = page.get_by_label("Fichier")
    field.set_input_files(a_file(tmp_path, "contacts.xlsx", b"PK\x03\x04" + b"x" * 3_000_000))
    page.get_by_role("button", name="Envoyer").press("Enter")
    expect(page.locator("#upload").get_by_role("alert")).to_contain_text("Ceci est un classeur")
    expect(field).to_be_focused()
    look(staff, "import-refused-fr-light")
    upload(page, tmp_path, TEXT.encode("cp1252"))
    staff.page.wait_for_url("**/contacts/import/*-*")
    expect(page.get_by_text("Windows-1252 · Point-virgule · Buyers")).to_be_visible()
    expect(page.get_by_label("Adresse e-mail", exact=True)).to_have_value("email")
    assert violations(staff) == {}
    page.get_by_label("Newsletter", exact=True).select_option("consent")
    page.get_by_label("Tags pour").fill("x" * 120)
    page.get_by_label("Tags pour").press("Enter")
    expect(page.locator("#columns").get_by_role("alert")).to_contain_text("120")
    expect(page.get_by_label("Tags pour")).to_be_focused()
    expect(page.get_by_label("Newsletter", exact=True)).to_have_value("consent")
    look(staff, "import-tags-refused-fr-light")
    staff.page.get_by_role("button", name="Light or dark").click()
    assert violations(staff) == {}
    assert staff.complaints == [REFUSED] * 3, "the workbook's first slice, its form, and the tags"


@pytest.mark.parametrize(
    ("size", "said"), [(0, "Le fichier n'a pas de lignes."), (30 * 2**20 + 1, "Le fichier dépasse 30 Mo.")]
)
def test_an_empty_and_a_large_file_are_refused(staff: Staff, tmp_path: Path, size: int, said: str) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts/import", theme="light", locale="fr")
    parts: list[str] = []
    staff.page.on("request", lambda sent: parts.append(sent.url) if "/part" in sent.url else None)
    page.get_by_label("Fichier").set_input_files(a_file(tmp_path, "clients.csv", b"x" * size))
    page.get_by_role("button", name="Envoyer").press("Enter")
    expect(page.locator("#upload").get_by_role("alert")).to_contain_text(said)
    assert parts == [], "nothing is sent of a file that is refused for its size"


DROP = """(field, text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "dropped.csv"));
    for (const name of ["dragover", "drop"])
        field.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_file_is_dropped_and_sent_although_the_token_ends_meanwhile(staff: Staff) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts", theme="light", locale="fr")
    page.get_by_role("button", name="Importer des contacts").press("Enter")
    rows = "".join(f"c{number}@example.com,{'x' * 500}\n" for number in range(5000))
    page.locator("[data-drop]").evaluate(DROP, f"email,note\n{rows}")
    ended = {"left": 1}

    def end_once(route: Route) -> None:
        if "&part=1" in route.request.url and ended["left"]:
            ended["left"] = 0
            route.fulfill(status=401)
        else:
            route.continue_()

    staff.page.route("**/import/part*", end_once)
    page.get_by_role("button", name="Envoyer").press("Enter")
    expect(page.get_by_role("heading", level=1, name="dropped.csv")).to_be_focused()
    assert ended["left"] == 0
    file = ImportFile.objects.get()
    assert (file.parts.count(), file.name) == (3, "dropped.csv")
    staff.page.wait_for_url(f"**/contacts/import/{file.pk}")
    staff.page.go_back()
    page.get_by_role("button", name="dropped.csv").press("Enter")
    expect(page.get_by_label("email", exact=True)).to_have_value("email")


def test_a_file_is_checked_before_anything_is_written(staff: Staff, tmp_path: Path) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts/import", theme="light", locale="fr")
    upload(page, tmp_path, TEXT.encode())
    page.get_by_label("Newsletter", exact=True).select_option("consent")
    page.get_by_label("Comment et où").fill("Formulaire de l'ancienne boutique")
    page.get_by_label("Le texte que").fill("Oui, envoyez-moi vos nouvelles.")
    page.get_by_label("Quand ces personnes").fill("2026-11-20T10:30")
    page.get_by_label("Tags pour").fill("Salon 2026")
    look(staff, "import-columns-fr-light")
    page.get_by_role("button", name="Vérifier sans importer").press("Enter")
    expect(page.get_by_role("heading", name="Vérification du fichier")).to_be_visible()
    look(staff, "import-checking-fr-light")
    assert violations(staff) == {}
    check()
    expect(page.get_by_role("heading", name="Ce que fera l'import")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Vérifié\u00a0: 3 lignes peuvent être importées.")
    expect(page.get_by_text("Ceci n'est pas une adresse e-mail.")).to_be_visible()
    expect(page.get_by_text("La même adresse qu'à la ligne 2.")).to_be_visible()
    look_at_page(staff, "import-french")
    assert violations(staff) == {}
    with staff.page.expect_download() as downloaded:
        page.get_by_role("button", name="Télécharger").press("Enter")
    assert downloaded.value.suggested_filename == "refused.csv"
    page.get_by_role("button", name="Modifier").press("Enter")
    expect(page.get_by_label("Tags pour")).to_have_value("Salon 2026")
    expect(page.get_by_label("Quand ces personnes")).to_have_value("2026-11-20T10:30")
    assert Contact.objects.count() == 1
    assert staff.complaints == []


def test_an_import_shows_its_progress_and_is_found_again(staff: Staff, tmp_path: Path) -> None:
    a_contact(staff.installation)
    page = staff.open(path="/contacts/import", theme="dark", locale="fr")
    upload(page, tmp_path, TEXT.encode())
    page.get_by_role("button", name="Vérifier sans importer").press("Enter")
    expect(page.get_by_role("heading", name="Vérification du fichier")).to_be_visible()
    check()
    page.get_by_role("button", name="Importer 3 lignes").press("Enter")
    expect(page.get_by_role("heading", name="Import en cours")).to_be_visible()
    page.get_by_role("button", name="Annuler").focus()
    with staff.page.expect_response("**/progress*"):
        pass
    expect(page.get_by_role("button", name="Annuler")).to_be_focused()
    staff.page.reload()
    page = staff.page.frame_locator("#app")
    # The stand-in's Dashboard loses the language on reload.
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    page.locator("#to-contacts").press("Enter")
    page.get_by_role("button", name="Import contacts").press("Enter")
    expect(page.locator("#files").get_by_text("Waiting")).to_be_visible()
    page.get_by_role("button", name="clients.csv").press("Enter")
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    assert violations(staff) == {}
    job = Job.objects.get()
    jobs.work_page(job.pk, job.step)
    expect(page.get_by_role("heading", name="What was imported")).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("New contacts: 2")
    look_at_page(staff, "import-light")
    staff.page.get_by_role("button", name="Light or dark").click()
    look(staff, "import-done-dark")
    assert violations(staff) == {}
    assert Contact.objects.get(email="eve@example.com").city == "Lyon"
    page.get_by_role("button", name="All imports").press("Enter")
    expect(page.locator("#files").get_by_text("Done")).to_be_visible()
    look(staff, "import-list-dark")
    assert violations(staff) == {}
    assert staff.complaints == []


def test_an_import_fits_a_telephone(staff: Staff, tmp_path: Path) -> None:
    a_contact(staff.installation)
    staff.page.set_viewport_size({"width": 360, "height": 740})
    page = staff.open(path="/contacts/import", theme="dark", locale="fr")
    page.get_by_label("Fichier").set_input_files(a_file(tmp_path, "clients.csv", TEXT.encode()))
    look(staff, "telephone-import")
    page.get_by_role("button", name="Envoyer").press("Enter")
    expect(page.get_by_role("heading", level=1, name="clients.csv")).to_be_visible()
    look(staff, "telephone-import-columns")
    assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
    page.get_by_role("button", name="Vérifier sans importer").press("Enter")
    expect(page.get_by_role("heading", name="Vérification du fichier")).to_be_visible()
    check()
    expect(page.get_by_role("heading", name="Ce que fera l'import")).to_be_visible()
    look(staff, "telephone-import-checked")
    assert page.locator("html").evaluate("html => html.scrollWidth") <= 360
    page.get_by_role("button", name="Supprimer le fichier").press("Enter")
    expect(page.get_by_role("heading", name="Rien n'a été importé")).to_be_visible()
    assert staff.complaints == []
