"""Files in the encodings of many languages: read right, and a guess of the encoding subscribes nobody."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.transfer import guessing, reading
from saleor_stripe_audience.audience.transfer.reading import detect_form, detect_start
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import in_language
from tests.audience.transfer.test_formats import statuses, take

SUBSCRIBED: dict[str, Any] = {"taken_as": "subscribed", "consent_at": datetime(2025, 1, 1, tzinfo=UTC)}
# For each language: its encodings, columns of first names, cities and withdrawals, yes, no, and names with cities.
LANGUAGES = {
    "French": (
        "cp1252 iso-8859-15 mac_roman cp850 cp437", "prénom", "ville", "désabonné", "oui", "non",
        ("Zoé Besançon", "Hélène Orléans", "François Nîmes", "Benoît Évry"),
    ),
    "German": (
        "cp1252 iso-8859-15 mac_roman cp850 cp437", "Vorname", "Straße", "gekündigt", "ja", "nein",
        ("Jürgen Köln", "Björn München", "Käthe Görlitz", "Jörg Gießen"),
    ),
    "Spanish": (
        "cp1252 iso-8859-15 mac_roman cp850 cp437", "nombre", "población", "canceló la suscripción", "sí", "no",
        ("José Málaga", "Begoña Logroño", "María León", "Núria Cáceres"),
    ),
    "Portuguese": (
        "cp1252 mac_roman cp850", "nome", "município", "cancelou a inscrição", "sim", "não",
        ("João Guimarães", "Conceição Évora", "Luís Brasília", "Antônio Maceió"),
    ),
    "Swedish": (
        "cp1252 mac_roman cp850", "förnamn", "ort", "avprenumererad", "ja", "nej",
        ("Åsa Malmö", "Göran Göteborg", "Märta Västerås", "Björn Umeå"),
    ),
    "Danish": (
        "cp1252 mac_roman cp850", "fornavn", "by", "afmeldt på mail", "ja", "nej",
        ("Søren Århus", "Jørgen København", "Kåre Tønder", "Æmilie Næstved"),
    ),
    "Polish": (
        "cp1250 iso-8859-2 cp852", "imię", "miejscowość", "wypisany", "tak", "nie",
        ("Łukasz Łódź", "Michał Wrocław", "Małgorzata Gdańsk", "Józef Poznań"),
    ),
    "Czech": (
        "cp1250 iso-8859-2 cp852", "jméno", "město", "odhlášen", "ano", "ne",
        ("Jiří Plzeň", "Tomáš Budějovice", "Lukáš Brno", "Ondřej Ústí"),
    ),
    "Hungarian": (
        "cp1250 iso-8859-2 cp852", "keresztnév", "város", "leiratkozott", "igen", "nem",
        ("László Győr", "György Pécs", "Zsófia Székesfehérvár", "Erzsébet Szeged"),
    ),
    "Croatian": (
        "cp1250 iso-8859-2", "ime", "mjesto", "više ne želi", "da", "ne",
        ("Željko Šibenik", "Dušan Čakovec", "Krešimir Varaždin", "Ivančica Zagreb"),
    ),
    "Russian": (
        "cp1251 koi8-r cp866 iso-8859-5 mac_cyrillic", "имя", "город", "отписан", "да", "нет",
        ("Анна Москва", "Дмитрий Казань", "Сергей Екатеринбург", "Ольга Самара"),
    ),
    "Ukrainian": (
        "cp1251 koi8-u iso-8859-5", "ім'я", "місто", "відписаний", "так", "ні",
        ("Олексій Київ", "Ірина Львів", "Андрій Харків", "Наталія Чернівці"),
    ),
    "Bulgarian": (
        "cp1251 iso-8859-5", "име", "град", "отписан", "да", "не",
        ("Георги София", "Мария Пловдив", "Иван Варна", "Елена Бургас"),
    ),
    "Greek": (
        "cp1253 iso-8859-7", "όνομα", "πόλη", "διαγραφή", "ναι", "όχι",
        ("Γιώργος Αθήνα", "Μαρία Θεσσαλονίκη", "Νίκος Πάτρα", "Ελένη Ηράκλειο"),
    ),
    "Turkish": (
        "cp1254 iso-8859-9 cp857", "adı", "şehir", "abonelikten çıktı", "evet", "hayır",
        ("Ayşe İstanbul", "Çağlar Eskişehir", "Gökçe Muğla", "İbrahim Diyarbakır"),
    ),
    "Lithuanian": (
        "cp1257", "vardas", "miestas", "atsisakė", "taip", "ne",
        ("Živilė Šiauliai", "Šarūnas Panevėžys", "Rūta Klaipėda", "Eglė Vilnius"),
    ),
    "Hebrew": (
        "cp1255 iso-8859-8", "שם", "עיר", "הוסר", "כן", "לא",
        ("משה חיפה", "רחל ירושלים", "יוסף אשדוד", "דוד חולון"),
    ),
    "Arabic": (
        "cp1256 iso-8859-6", "الاسم", "المدينة", "ألغى الاشتراك", "نعم", "لا",
        ("محمد القاهرة", "فاطمة الرياض", "أحمد دبي", "علي بيروت"),
    ),
    "Japanese": (
        "shift_jis cp932 euc_jp iso2022_jp", "名前", "市区町村", "配信停止", "はい", "いいえ",
        ("佐藤 東京", "鈴木 大阪市", "高橋 横浜市", "田中 札幌"),
    ),
    "Chinese": (
        "gb18030 gbk", "姓名", "城市", "退订", "是", "否",
        ("王伟 北京", "李娜 上海", "张敏 广州", "刘洋 深圳"),
    ),
    "Chinese in Taiwan": (
        "big5 cp950", "姓名", "城市", "退訂", "是", "否",
        ("陳志明 台北", "林美玲 高雄", "黃俊傑 台中市", "張雅婷 新竹"),
    ),
    "Korean": (
        "euc_kr cp949", "이름", "도시", "수신거부", "예", "아니요",
        ("김민수 서울", "이지은 부산", "박서준 대구", "최유진 인천"),
    ),
}  # fmt: skip
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
CASES = [
    (language, encoding)
    for language, (encodings, *_texts) in LANGUAGES.items()
    for encoding in (*encodings.split(), *UNICODE)
]
# Their words for unsubscribing are known, so each of their files is read right from the first line on.
KNOWN = ("French", "Russian", "Ukrainian", "Bulgarian", "Japanese", "Chinese", "Chinese in Taiwan")


def people(language: str) -> list[tuple[str, str]]:
    return [(name, city) for name, city in (each.split() for each in LANGUAGES[language][6])]


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_names_and_cities(audience: Audience, language: str, encoding: str) -> None:
    rows = "".join(f"c{at}@shop.test;{name};{city}\n" for at, (name, city) in enumerate(people(language)))
    report = take(audience, f"email;first_name;city\n{rows}".encode(encoding))
    stored = audience.contacts.order_by("email").values_list("first_name", "city")
    assert (list(stored), report.left_out) == (people(language), 0)


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_nobody_who_unsubscribed_is_subscribed(audience: Audience, language: str, encoding: str) -> None:
    """Either the file is read as in UTF-8, or the import asks for the encoding."""
    _encodings, first_name, city, unsubscribed, yes, no, _people = LANGUAGES[language]
    text = f"email;{first_name};{city};{unsubscribed}\n" + "".join(
        f"c{at}@shop.test;{name};{city};{yes if at % 2 else no}\n"
        for at, (name, city) in enumerate(people(language))
    )
    with_choice = Audience.objects.create(installation=audience.installation, name="Chosen")
    take(with_choice, text.encode(encoding), **SUBSCRIBED, encoding=encoding)
    asked = ""
    try:
        take(audience, text.encode(encoding), **SUBSCRIBED)
    except Rejected as error:
        asked = error.code
    may_ask = encoding not in UNICODE and language not in KNOWN
    assert asked in ({"", "import_encoding"} if may_ask else {""})
    assert statuses(audience) == ({} if asked else statuses(with_choice))


@pytest.mark.parametrize(
    ("language", "encoding"), [case for case in CASES if case[0] in KNOWN and case[1] not in UNICODE]
)
def test_a_withdrawal_in_the_smallest_file(audience: Audience, language: str, encoding: str) -> None:
    _encodings, _name, _city, unsubscribed, yes, no, _people = LANGUAGES[language]
    text = f"email;{unsubscribed}\nstays@shop.test;{no}\nleft@shop.test;{yes}\n"
    first = take(audience, text.encode(encoding), **SUBSCRIBED)
    again = take(audience, text.encode(encoding), **SUBSCRIBED)
    assert statuses(audience) == {"stays": "subscribed", "left": "unsubscribed"}
    assert (first.new, again.new, again.consents) == (2, 0, 0)
    assert first.file.is_guess is (encoding != "iso2022_jp")


ASKS = {
    "a header that is not known": "email;élan\na@shop.test;oui\n",
    "a column of which nothing is known": "email;x;y\na@shop.test;é;1\n",
    "a short value of an unused column": "email;info\na@shop.test;geändert\nb@shop.test;\n",
    "a value that is rare": "email;info\n" + "a@shop.test;ok\n" * 50 + "b@shop.test;entlaßen\n",
}


@pytest.mark.parametrize("text", ASKS.values(), ids=ASKS)
def test_the_encoding_has_to_be_chosen(audience: Audience, text: str) -> None:
    file = text.encode("cp1252")
    with pytest.raises(Rejected, match="Choose the encoding of the file") as refused:
        take(audience, file, **SUBSCRIBED)
    assert (refused.value.code, audience.contacts.count()) == ("import_encoding", 0)
    assert "Choisissez l'encodage du fichier" in in_language(refused.value.translatable, "fr")
    with pytest.raises(Rejected, match="Choose the encoding of the file"):
        take(audience, file, **SUBSCRIBED, dry_run=True)
    take(audience, file, **SUBSCRIBED, encoding="cp1252")
    assert "subscribed" in statuses(audience).values()


DOES_NOT_ASK = {
    "only names": ("email;first_name;city\na@shop.test;Zoë;Évry\n", SUBSCRIBED),
    "columns of subscriptions": ("email;status;city\na@shop.test;subscribed;Évry\n", SUBSCRIBED),
    "long texts": (f"email;text\na@shop.test;{'Für Zoë. ' * 6}\n", SUBSCRIBED),
    "many different values": (
        "email;company\n" + "".join(f"a{at}@shop.test;Müller {at}\n" for at in range(21)), SUBSCRIBED,
    ),
    "known words": ("email;prénom;société\na@shop.test;Zoé;Élan\n", SUBSCRIBED),
    "nobody is subscribed": ("email;élan\na@shop.test;oui\n", {}),
    "all have unsubscribed": ("email;élan\na@shop.test;oui\n", {"taken_as": "unsubscribed"}),
    "values beside a column of consent": (
        "email;consent;consent_at;company\na@shop.test;yes;2025-01-01;Élan\n", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options"), DOES_NOT_ASK.values(), ids=DOES_NOT_ASK)
def test_the_encoding_need_not_be_chosen(audience: Audience, text: str, options: dict[str, Any]) -> None:
    report = take(audience, text.encode("cp1252"), **options)
    assert (report.new, report.refused, report.file.encoding) == (text.count("@"), 0, "cp1252")


def test_the_name_of_a_column_beside_one_of_consent(audience: Audience) -> None:
    """It could be of withdrawals, too, which count more than the consent."""
    file = "email;consent;consent_at;otkaz â\na@shop.test;yes;2025-01-01;x\n".encode("cp1252")
    with pytest.raises(Rejected, match="otkaz"):
        take(audience, file)


DAMAGED = {
    "the header": b"email;first_name;d\xe9sabonn\xe9\n" + "a@shop.test;Zoé Éva Bé;oui\n".encode(),
    "a value": "email;first_name;info\na@shop.test;Zoé Éva Bé;".encode() + b"d\xe9sabonn\xe9\n",
}


@pytest.mark.parametrize("file", DAMAGED.values(), ids=DAMAGED)
def test_damaged_characters_of_utf_8_hide_no_withdrawal(audience: Audience, file: bytes) -> None:
    with pytest.raises(Rejected, match="not in UTF-8, and may say who unsubscribed") as refused:
        take(audience, file, **SUBSCRIBED)
    assert "\N{REPLACEMENT CHARACTER}" in str(refused.value) or "info" in str(refused.value)
    assert str(refused.value).encode()
    assert "Enregistrez le fichier au format CSV en UTF-8" in in_language(refused.value.translatable, "fr")
    take(audience, file.replace(b"d\xe9sabonn\xe9", "désabonné".encode()), **SUBSCRIBED)
    assert statuses(audience)["a"] != "subscribed"


def test_damaged_names_in_utf_8_do_not_matter(audience: Audience) -> None:
    file = "email;first_name;société\na@shop.test;Zoé;Élan\nb@shop.test;".encode() + b"J\xf6;\n"
    take(audience, file, **SUBSCRIBED)
    assert statuses(audience) == {"a": "subscribed", "b": "subscribed"}


def test_the_header_after_a_separator_line(audience: Audience) -> None:
    file = "sep=;\nemail;отписан\na@shop.test;да\n".encode("koi8-r")
    take(audience, file, **SUBSCRIBED)
    assert statuses(audience) == {"a": "unsubscribed"}


def test_an_unknown_encoding_subscribes_nobody(audience: Audience) -> None:
    """It is read in another one, in which nothing is known."""
    file = "email;수신거부\na@shop.test;예\n".encode("johab")
    with pytest.raises(Rejected, match="Choose the encoding"):
        take(audience, file, **SUBSCRIBED)
    assert audience.contacts.count() == 0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_mark_whose_header_begins_in_another_script(audience: Audience, encoding: str) -> None:
    report = take(
        audience, "имя;email\nАнна;anna@shop.test\n".encode(encoding), columns={"first_name": "имя"}
    )
    assert (audience.contacts.get().first_name, report.file.is_guess) == ("Анна", False)


@pytest.mark.parametrize("at", range(3, 12))
def test_a_change_of_characters_at_the_end_of_a_block(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", at)
    assert detect_form(io.BytesIO("name,\n佐藤".encode("iso2022_jp"))).encoding == "iso2022_jp_ext"


def test_korean_with_changes_of_characters(audience: Audience) -> None:
    take(audience, "email,first_name\na@shop.test,김민수\n".encode("iso2022_kr"))
    assert audience.contacts.get().first_name == "김민수"


def test_bytes_far_behind_the_start_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "BLOCK_BYTES", 64)
    rows = "".join(f"c{at}@shop.test;Ada\n" for at in range(50))
    whole = f"email;first_name\n{rows}x@shop.test;Дмитрий\ny@shop.test;Сергей".encode("koi8-r")
    assert detect_form(io.BytesIO(whole)).encoding == "koi8-r"


def test_a_start_may_end_within_a_character() -> None:
    whole = "email;名前\na@shop.test;佐藤\nb@shop.test;鈴木".encode("cp932")
    assert {detect_start(whole[:end], is_whole=False).encoding for end in (-1, len(whole))} == {"cp932"}


def test_equal_files_are_always_read_alike() -> None:
    file = "email;first_name\na@shop.test;Plzeň\n".encode("cp1250")
    assert len({detect_form(io.BytesIO(file)) for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "words",
    [
        "檔案路徑 修改成功 輸入新密碼 首頁",
        "康納達語 請再試一次 格式錯誤 變更",
        "正整數 優先排序 選擇全部 有日期",
    ],
)
def test_traditional_characters_are_not_taken_for_signs_and_letters(audience: Audience, words: str) -> None:
    rows = "".join(f"c{at}@shop.test;{word}\n" for at, word in enumerate(words.split()))
    take(audience, f"email;first_name\n{rows}".encode("big5"))
    assert list(audience.contacts.order_by("email").values_list("first_name", flat=True)) == words.split()
