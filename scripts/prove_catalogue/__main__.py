"""Edit products at random on both sides and count the catalogues that differ in the end.

    python -m scripts.prove_catalogue SEQUENCES [SEED]

Prints JSON {"sequences", "calls_to_stripe", "taken_over", "overruled", "differences"} and, on stderr, every difference;
exits 1 if there are any. `taken_over` and `overruled` count changes made in Stripe. It uses its own SQLite database.
`make prove-catalogue SEQUENCES=500`.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

from scripts.prove_ledger.__main__ import prepare


def main(arguments: list[str]) -> int:
    if not arguments or not all(each.isdigit() for each in arguments):
        sys.stderr.write("usage: python -m scripts.prove_catalogue SEQUENCES [SEED]\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        report = _play(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1)
    print(json.dumps(report))
    return 1 if report["differences"] else 0


def _play(sequences: int, seed: int) -> dict[str, int]:
    from scripts.prove_ledger.town import play_town  # noqa: PLC0415 - models need the setup

    from .edits import Catalogue, decided  # noqa: PLC0415 - as above

    chance = random.Random(seed)
    found = 0
    with play_town() as town:
        catalogue = Catalogue(town, chance)
        for number in range(sequences):
            differences = catalogue.play()
            found += bool(differences)
            for each in differences:
                sys.stderr.write(f"sequence {number}: {each}\n")
        calls = len(town.stripe.log.entries())
        return {"sequences": sequences, "calls_to_stripe": calls, **decided(), "differences": found}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
