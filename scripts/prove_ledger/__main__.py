"""Play random histories, and count those after which the two sides disagree.

    python -m scripts.prove_ledger SEQUENCES [SEED]

Prints JSON {"sequences", "events", "differences"} and, on stderr, every history that differed; exits 1 if there is one.
It uses its own SQLite database. `make prove-ledger SEQUENCES=2000`.
"""

import json
import os
import random
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    if not arguments or not all(each.isdigit() for each in arguments):
        sys.stderr.write("usage: python -m scripts.prove_ledger SEQUENCES [SEED]\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        report = _play(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1)
    print(json.dumps(report))
    return 1 if report["differences"] else 0


def prepare(folder: Path) -> None:
    """Set up Django on its own database in the folder."""
    os.environ |= {
        "SECRET_KEY": "only-for-this-play-0123456789",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "ALLOWED_SALEOR_URLS": "http://127.0.0.1:9/graphql/",
        "DJANGO_SETTINGS_MODULE": "saleor_stripe_audience.settings",
        "LOG_LEVEL": "ERROR",
    }
    import django  # noqa: PLC0415 - the environment first

    django.setup()
    from scripts.tables import create_tables  # noqa: PLC0415 - as above

    create_tables()


def _play(sequences: int, seed: int) -> dict[str, int]:
    from .history import played, random_history  # noqa: PLC0415 - models need the setup
    from .town import play_town  # noqa: PLC0415 - as above

    chance = random.Random(seed)
    differences = 0
    with play_town() as town:
        for number in range(sequences):
            town.stripe.account.multicapture = number % 2 == 0
            flow, moves = random_history(chance)
            found = played(town, flow, moves, seed=number)
            if found is not None:
                differences += 1
                sys.stderr.write(f"{found}\n")
        events = len(town.stripe.events())
    return {"sequences": sequences, "events": events, "differences": differences}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
