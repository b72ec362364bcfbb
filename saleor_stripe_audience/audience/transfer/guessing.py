"""Guesses the encoding of a file that does not say it, by the words that its bytes become.

Each pair of an encoding and a language is a model of the characters in names, cities and headers: its usual letters are
likely, letters of other languages less so, and signs or capitals within a word hardly. Words that are known, such as
`отписан` in a header or `oui` in a cell, count much more than the likelihood of their letters.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, NamedTuple

from saleor_stripe_audience.audience.transfer import languages
from saleor_stripe_audience.audience.transfer.headers import Kind, kind_of

WINDOWS, MAC = "cp1252", "mac_roman"
# How probable an encoding is before anything is read, as a logarithm: Excel saves in those of Windows.
PRIORS: Mapping[str, float] = {
    WINDOWS: 0, "iso-8859-15": -1.5, MAC: -2, "cp850": -2.5, "cp437": -3.5,
    "cp1250": -0.7, "iso-8859-2": -1.7, "cp852": -3,
    "cp1251": -0.7, "koi8-r": -2.5, "koi8-u": -2.8, "cp866": -2.2, "iso-8859-5": -3,
    "cp1253": -0.7, "iso-8859-7": -1.5, "cp1254": -1, "cp857": -3.5, "cp1257": -1.5,
    "cp1255": -1, "iso-8859-8": -2, "cp1256": -1,
    "mac_latin2": -4, "mac_cyrillic": -4, "mac_greek": -4,
    "cp855": -4, "cp737": -4, "cp862": -4, "cp775": -4, "iso-8859-6": -3, "iso-8859-13": -3,
    "cp932": -1, "euc_jp": -2, "gb18030": -1, "cp950": -1.2, "cp949": -1,
}  # fmt: skip
GUESSES = frozenset(PRIORS)
LONGEST_SHORT = 40  # characters of a cell that may be a status
MOST_BYTES = 16 * 1024
MOST_CELLS = 100
BLOCK_BYTES = 1024 * 1024
# Letters that are not ASCII, the most frequent first.
_LETTERS = {
    "fr": "éèçêàôâîïëûœùÿæ", "de": "üöäß", "es": "óíáéñúü", "pt": "ãçáéíóêõâôúà", "it": "àèòùìé", "sv": "öåäé",
    "da": "øåæéö", "is": "áðíóæöúþéý", "nl": "ëéïöüè", "ca": "àéòçíóèúï",
    "pl": "łóżąęśńćź", "cs": "áíéčřšžýěůňúťďó", "sk": "áíýčéžšúľóňťôäďĺŕ", "hu": "éáóöőíüúű", "hr": "čšžćđ",
    "ro": "ăâîşţ", "tr": "ıüşçğöiâ", "lt": "ėšžųąįčūę", "lv": "āīšēūļžņķģč", "et": "äõöüšž",
    "ru": "оаеинтрсвлкмдпуяызьбгчйхжшюцщэфъё", "uk": "оаинвіертслкмдупязьбгчйхїєжшцющфґ",
    "bg": "аеоинтрсвлкдпмзгбуъяйчжцщшюхфь", "sr": "аоиеунртсвкдмпјлгзбчшцћжхњљђфџ",
    "el": "αοιετσνηυρκπμλωςγδχθάίόέβφύήξώζψϊ", "he": "יולאהרמתשבנדםקעחפכןסגטזצךףץ",
    "ar": "اليمنرتبةدعسفهكحوقجشصخطأذضىزثغءظئإؤآ",
}  # fmt: skip
# What is frequent in names, cities and headers, besides what the names of countries and languages contain.
_CHARACTERS = {
    "ja": (
        "佐藤鈴木高橋田中伊渡辺山本村小林加吉井松清斎阿部森池石前長谷川後岡近坂遠青西福太三原野金竹上内河島口酒宮"
        "大久保今丸平増杉菊千葉和桜新古市工横黒水服矢関土片岩土柴菅飯荒永子美花健一二郎介翔真由香恵明智之博幸正裕"
        "陽菜結衣奈愛優彩直樹拓也隆誠浩哲雄英司東京都大阪府神奈川県区町村札幌仙台広名古屋戸横浜崎沖縄北海道埼玉静"
        "岐阜愛知熊鹿児四国九州配信停止解除希望登録退会購読受取拒否可不要済有無氏姓住所電話番号郵便会社部署日時性別"
        "年月生備考顧客商品注文状態言語氏同意"
    ),
    "zh_Hans": (
        "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘"
        "杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文伟芳娜秀英"
        "敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂华建国红梅玉婷雪志小晓东海燕辉鹏飞宇浩然子轩一欣怡佳北京上海广州深圳"
        "天津重庆成都杭州南京武汉西安苏州青岛大连沈阳长沙郑济福厦门哈尔滨昆宁波省市区县镇姓名城电话手机邮箱地址公司性别"
        "男女年月日退订取消订阅是否已未不同意接受拒绝营销客户状态语言标签备注注册时间黑单"
    ),
    "zh_Hant": (
        "陳林黃張李王吳劉蔡楊許鄭謝洪郭邱曾廖賴徐周葉蘇莊呂江何蕭羅高潘簡朱鍾彭游詹胡施沈余盧梁趙顏柯翁魏孫戴范方宋"
        "鄧杜傅侯曹薛丁卓馬董唐志明美玲俊傑雅婷淑芬惠芳麗華建宏家豪怡君雅雯佳文雄秀英國偉宗翰冠宇承恩子涵欣品台北高雄"
        "中市新竹南桃園嘉義縣基隆宜蘭花蓮屏東彰化雲林投苗栗香港九龍界澳門臺區鄉鎮姓名城電話手機信箱郵地址公司性別男女年"
        "月日退訂取消訂閱是否已未不同意接受拒絕行銷客戶狀態語言標籤備註註冊時間黑名單電子報"
    ),
    "ko": (
        "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지나엄채원천방공현함변염여추"
        "도소석선설마길연위표명기반라왕금옥육인맹제모탁국어은편용예경봉사부수준영호철희숙자미상재훈동혁승태은아름다운혜"
        "울산대구광역시인천특별전남북충청경기제주도시군읍면동이름메일주소전화번호수신거부동의해지구독취소예아니요여부상태"
        "회사성별남녀생년월일고객언어"
    ),
}  # fmt: skip
_NAMES_OF_COLUMNS = (
    "prénom, téléphone, société, numéro, catégorie, modifié le, créé le, straße, größe, geschäft, länder, población, "
    "teléfono, dirección, código postal, provincia, país, município, endereço, código, förnamn, efternamn, imię, "
    "miejscowość, województwo, płeć, jméno, příjmení, město, země, společnost, keresztnév, vezetéknév, név, város, "
    "oraş, țară, ţară, město, priezvisko, država, имя, фамилия, отчество, город, страна, телефон, адрес, почта, дата, "
    "пол, ім'я, прізвище, місто, країна, име, град, държава, όνομα, επώνυμο, πόλη, χώρα, τηλέφωνο, adı, soyadı, şehir, "
    "ülke, 名前, 氏名, 姓, 名, 住所, 電話番号, 市区町村, 都道府県, 国, 会社名, メールアドレス, 姓名, 城市, "
    "电话, 国家, 地址, 邮箱, 電話, 國家, 이름, 성명, 도시, 국가, 전화번호, 주소, 이메일, שם, עיר, الاسم, المدينة"
)
# How likely characters are, as logarithms: letters that the language does not usually have, and other characters.
_UNUSUAL, _OTHER_LETTER, _RARE, _FOREIGN = -6.5, -9.0, -10.0, -14.0
_SIGN, _MISPLACED, _CONTROL, _INVALID = -4.0, -8.0, -13.0, -11.0
# What a place in a word adds: a capital after a small letter, a small letter at the start, letters of two scripts,
# Latin letters with accents beside each other, a letter alone.
_CASE, _SMALL_START, _MIXED, _RUN, _ALONE = -5.0, -0.7, -5.0, -1.0, -3.0
_BETWEEN, _OPENING, _CLOSING = frozenset("’–—·-\xa0"), frozenset("“‘«„‚"), frozenset("”»…°®™€º§©")
_NO_LETTERS = frozenset("ƒªºˆ˜µ")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_CELL_END = re.compile(r'[,;\t|"\r\n]+')
_FOR_A_BYTE = 3.0  # of a known word
_MOST_FOR_A_WORD = 18.0
_LINE_ENDS_OF_MACS = 6.0
_CLEAR = 6.0  # e to this power is how much more plausible a guess is than a rival
_LEAST_KNOWN = 4  # bytes
_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_PART = 3  # characters of a word in a known text
_WRITTEN = 0.9  # of a language's letters, for an encoding of this language
_KANA = frozenset(map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30FD))))
_WIDE_SIGN = re.compile(r"[　-〕・！-～]")
_WIDE = frozenset({"cp932", "euc_jp", "gb18030", "cp950", "cp949"})  # of two bytes a character


class Guess(NamedTuple):
    """The most plausible encoding; `is_certain` if known words confirm it, and no other is about as plausible."""

    encoding: str
    is_certain: bool


@dataclass(slots=True)
class _Candidate:
    encoding: str
    text: str
    points: float
    known: int = 0  # bytes of known words


def guess(file: BinaryIO) -> Guess:
    """Guess in which encoding a file is that is not in Unicode, from its header and its first lines with other bytes
    than ASCII.
    """
    header, lines, has_old_ends = _read_sample(file)
    start = b"\n".join([header, *lines])
    candidates = [_judge(name, header, start) for name in PRIORS]
    for each in candidates:
        each.points += _LINE_ENDS_OF_MACS if has_old_ends and each.encoding == MAC else 0
    best = max(candidates, key=lambda each: each.points)
    same = [each.encoding for each in candidates if each.text == best.text]
    others = (each.points for each in candidates if each.encoding not in same)
    lead = best.points - max(others, default=-math.inf)
    is_certain = best.known >= _LEAST_KNOWN and lead >= _CLEAR
    return Guess(max(same, key=PRIORS.__getitem__), is_certain)


def _read_sample(file: BinaryIO) -> tuple[bytes, list[bytes], bool]:
    """Return the header, lines that are not ASCII, and whether lines end as on old Macs."""
    header, lines, size, rest = b"", dict[bytes, None](), 0, b""
    has_returns = has_feeds = False
    file.seek(0)
    while size < MOST_BYTES and (block := file.read(BLOCK_BYTES)):
        has_returns, has_feeds = has_returns or b"\r" in block, has_feeds or b"\n" in block
        *some, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
        header = header or next(filter(_may_be_header, some), b"")[:MOST_BYTES]
        for line in some:
            if not line.isascii() and size < MOST_BYTES:
                lines[line[:MOST_BYTES]] = None
                size += len(line)
        rest = rest[-MOST_BYTES:]
    if not rest.isascii() and size < MOST_BYTES:
        lines[rest] = None
    file.seek(0)
    lines.pop(header, None)
    return header, list(lines), has_returns and not has_feeds


def _may_be_header(line: bytes) -> bool:
    return bool(line.strip()) and not line.lower().lstrip(b'"').startswith(b"sep=")


def _judge(encoding: str, header: bytes, start: bytes) -> _Candidate:
    text = start.decode(encoding, "replace")
    found = _Candidate(encoding, text, PRIORS[encoding])
    contexts = Counter(_contexts(text))
    found.points += max(
        sum(count * model.likelihood(*each) for each, count in contexts.items())
        for model in _models(encoding)
    )
    names, cells = _cells(header.decode(encoding, "replace")), _cells(text)[:MOST_CELLS]
    words = {word for each in names for word in _known_in(each, is_name=True)}
    words |= {word for each in cells for word in _known_in(each)}
    for word in words:
        size = sum(len(each.encode(encoding, "replace")) for each in word if not each.isascii())
        found.known += len(word.encode(encoding, "replace"))
        found.points += min(size * _FOR_A_BYTE, _MOST_FOR_A_WORD)
    return found


def _contexts(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each character that is not ASCII with its neighbours."""
    around = f" {text} "
    for found in _NOT_ASCII.finditer(around):
        at = found.start()
        yield around[at - 1], found[0], around[at + 1]


def _cells(text: str) -> list[str]:
    """Return the different short cells that are not ASCII, in their order."""
    parts = (each.strip() for each in _CELL_END.split(text))
    return list(dict.fromkeys(each for each in parts if not each.isascii() and len(each) <= LONGEST_SHORT))


def _known_in(text: str, *, is_name: bool = False) -> Iterator[str]:
    """Yield the known words in a cell that are not ASCII; in the name of a column, also a text with a known meaning."""
    exact, patterns = _known_words()
    lower = text.lower()
    if lower in exact:
        yield lower
        return
    known = [
        each
        for each in _WORD.findall(lower)
        if not each.isascii() and (each in exact or patterns.fullmatch(each))
    ]
    yield from known
    is_latin = any(each.isalpha() and _is_latin(each) for each in text)  # compared without its accents
    if is_name and not known and not is_latin and kind_of(text) not in (Kind.OTHER, None):
        yield lower


@cache
def _known_words() -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the words and texts of all languages that are not ASCII, and a pattern of those that only begin so."""
    texts = {
        text.lower() for language in languages.LANGUAGES for some in language for text in some.split(", ")
    }
    texts.update(_NAMES_OF_COLUMNS.split(", "))
    words = texts | {word for text in texts for word in text.split() if len(word) >= _SHORTEST_PART}
    some = {each for each in words if not each.isascii()}
    patterns = sorted(re.escape(each).replace(r"\*", r"\w*") for each in some if "*" in each)
    return frozenset(some), re.compile("|".join(patterns) or r"(?!)")


class _Model:
    """How likely characters are in texts of one language, as logarithms."""

    def __init__(self, letters: Mapping[str, float], *, is_wide: bool = False) -> None:
        self._letters = letters
        self._is_wide = is_wide
        self._is_latin = any(map(_is_latin, letters))

    def likelihood(self, before: str, it: str, after: str) -> float:
        """Return how likely the character is between these neighbours."""
        if self._is_wide:
            return self._likelihood_of_wide(it)
        if not it.isalpha() or it in _NO_LETTERS:
            return _likelihood_of_sign(before, it, after)
        points = self._letters.get(it.lower()[:1])
        if points is None:
            points = _UNUSUAL if _is_latin(it) == self._is_latin and not _is_wide(it) else _OTHER_LETTER
        neighbours = [each for each in (before, after) if each.isalpha()]
        if not neighbours:
            points += _ALONE
        elif self._is_latin:
            points += _RUN * sum(not each.isascii() for each in neighbours)
        else:
            points += _MIXED * sum(each.isascii() for each in neighbours)
        return points + _likelihood_of_case(before, it, after)

    def _likelihood_of_wide(self, it: str) -> float:
        """Among characters of two bytes, letters of other scripts and signs are much rarer than rare characters."""
        if it in self._letters:
            return self._letters[it]
        if it == "\N{REPLACEMENT CHARACTER}":
            return _INVALID
        return _RARE if "\u4e00" <= it <= "\u9fff" or _WIDE_SIGN.match(it) else _FOREIGN


def _likelihood_of_sign(before: str, it: str, after: str) -> float:
    if it == "\N{REPLACEMENT CHARACTER}":
        return _INVALID
    if unicodedata.category(it) == "Cc":
        return _CONTROL
    is_placed = (
        (it in _BETWEEN and (it == "’" or not after.islower()))
        or (it in _OPENING and not before.isalpha())
        or (it in _CLOSING and not after.isalpha())
    )
    return _SIGN if is_placed else _MISPLACED


def _likelihood_of_case(before: str, it: str, after: str) -> float:
    if it.islower():
        return _CASE * after.isupper() + _SMALL_START * (not before.isalpha())
    is_within = before.islower() or (before.isalpha() and after.islower())
    return _CASE if it.isupper() and is_within else 0


def _is_latin(letter: str) -> bool:
    return letter < "\u0250" or "\u1e00" <= letter < "\u1f00"


def _is_wide(letter: str) -> bool:
    return letter >= "\u2e80"


@cache
def _models(encoding: str) -> tuple[_Model, ...]:
    """Return the models of the languages that are written in the encoding."""
    texts = _CHARACTERS if encoding in _WIDE else _LETTERS
    some = (name for name, text in texts.items() if _can_write(encoding, text))
    return tuple((_wide_model if encoding in _WIDE else _model)(name) for name in some)


def _can_write(encoding: str, text: str) -> bool:
    written = text.encode(encoding, "ignore").decode(encoding)
    return len(written) >= _WRITTEN * len(text)


@cache
def _model(language: str) -> _Model:
    """Return the model of a language. The n-th letter is about 1/n as frequent as the first."""
    letters = _LETTERS[language]
    total = sum(1 / rank for rank in range(1, len(letters) + 1))
    return _Model({each: math.log(1 / rank / total) for rank, each in enumerate(letters, 1)})


@cache
def _wide_model(language: str) -> _Model:
    """Return the model of a language with thousands of characters."""
    from babel import Locale  # noqa: PLC0415 - it takes long, and few files need it

    locale = Locale.parse(language)
    names = "".join([*locale.territories.values(), *locale.languages.values(), *locale.scripts.values()])
    some = {each for each in names if not each.isascii() and each.isalpha()}
    usual = dict.fromkeys(_CHARACTERS[language])
    letters = dict.fromkeys(some, math.log(0.3 / len(some)))
    letters |= dict.fromkeys(usual, math.log(0.6 / len(usual)))
    if language == "ja":
        letters |= dict.fromkeys(_KANA, math.log(0.3 / len(_KANA)))
    return _Model(letters, is_wide=True)
