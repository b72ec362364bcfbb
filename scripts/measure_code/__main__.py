"""Measure the state of the code: a short table, then JSON.

    python -m scripts.measure_code [--json | --word WORD]

It measures the modules and functions that three flows through the product call, their SQL statements, import cycles,
lengths of functions, and outdated words. A module is entered "again" when a call goes back to one that was left, "by
steps" if that call does more than read a property.

`--json` prints only the JSON; `--word` lists the files that contain one word. `make measure-code`.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .circles import circles
from .functions import functions
from .words import files, words

Json = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the JSON alone")
    parser.add_argument("--word", help="only say in which files this word stands")
    options = parser.parse_args()
    if options.word:
        print(json.dumps(files(options.word), indent=2))
        return
    found = {"ways": _ways(), "circles": circles(), "functions": functions(), "words": words()}
    if not options.json:
        print("\n".join(_table(found)))
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _ways() -> Json:
    """Measure the flows on their own database."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "SECRET_KEY": "only-to-measure-0123456789",
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'db.sqlite3'}",
            "PUBLIC_URL": "http://127.0.0.1:9",
            "ALLOWED_SALEOR_URLS": "http://127.0.0.1:9/graphql/",
            "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
            "LOG_LEVEL": "ERROR",
        }
        import django  # noqa: PLC0415 - the environment first

        django.setup()
        from scripts.tables import create_tables  # noqa: PLC0415 - as above

        create_tables()
        from .ways import ways  # noqa: PLC0415 - it imports models, which need the setup

        return ways()


def _table(found: Json) -> list[str]:
    """Return a table of the most important figures."""
    lines = [f"{'way':20} modules  again  by steps  calls  functions  SQL"]
    for name, way in found["ways"].items():
        lines.append(
            f"{name:20} {way['modules_entered']:7}  {way['modules_entered_again']:5}"
            f"  {way['entered_again_by_steps']:8}  {way['calls']:5}"
            f"  {way['functions']:9}  {way['sql_statements']:3}"
        )
    imports, lengths = found["circles"], found["functions"]
    old = sum(sum(kinds.values()) for kinds in found["words"].values())
    rows = {
        "circles of imports at module level": len(imports["at_module_level"]),
        "circles counting imports in functions": len(imports["all"]),
        "modules in such circles": sum(map(len, imports["all"])),
        "functions": lengths["count"],
        "lines of the longest": lengths["longest"],
        "private functions used once": lengths["private_used_once"],
        "of these, of 3 lines or fewer": lengths["private_used_once_and_short"],
        "private functions called once": lengths["private_called_once"],
        "of those, of 3 lines or fewer": lengths["private_called_once_and_short"],
        "old words": old,
    }
    return [*lines, "", *(f"{name:38} {count:5}" for name, count in rows.items()), ""]


if __name__ == "__main__":
    main()
