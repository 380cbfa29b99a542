"""The red team's table: family, attacks, contained as root and as a user at level A, and at level B in a container.

python tests/redteam [--quick] [--families read,score,...] [--places root,user,container] [--isolation LEVEL]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
warnings.simplefilter("ignore")

from arena import PLACES, arena, fight, student_of
from family import FAMILIES, of_family
from page import what_fires

LEVELS = {"root": "A, root", "user": "A, user", "container": "B, container"}


def main() -> int:
    """Print the table; 1 when anything was not contained."""
    options = _options()
    places = [
        place for place in options.places.split(",") if place == "user" or os.geteuid() == 0 or place == "container"
    ]
    families = options.families.split(",")
    contained: dict[tuple[str, str], int] = {}
    failures: list[str] = []
    for place in places:
        for family in families:
            attacks = [attack for attack in of_family(family) if not (options.quick and attack.long)]
            with tempfile.TemporaryDirectory(prefix="red-team-", ignore_cleanup_errors=True) as folder:
                Path(folder).chmod(0o777)
                with arena(Path(folder)) as field:
                    battle = fight(field, attacks, place, options.isolation)
                    found = battle.failures(attacks)
                    fired = (
                        what_fires(field.root, [student_of(each) for each in attacks])
                        if family == "page" and not found.get("all")
                        else []
                    )
                    if fired:
                        found["pages"] = fired
            contained[family, place] = 0 if "all" in found else len(attacks) - len(found)
            new = [
                f"{LEVELS[place]}: {family} {name}: {line}"[:1500] for name, lines in found.items() for line in lines
            ]
            failures += new
            count = f"{contained[family, place]} of {len(attacks)} contained, {battle.seconds:.0f} s"
            print("\n".join((f"{family:8} {LEVELS[place]:14} {count}", *new)), file=sys.stderr, flush=True)
    print(_table(families, places, contained, options.quick))
    for line in failures:
        print(line)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--places", default=",".join(PLACES))
    parser.add_argument("--isolation", default="auto")
    return parser.parse_args()


def _table(families: list[str], places: list[str], contained: dict[tuple[str, str], int], quick: bool) -> str:
    rows = [["family", "attacks", *(LEVELS[place] for place in places)]]
    counts = {family: sum(not (quick and attack.long) for attack in of_family(family)) for family in families}
    rows += [[family, str(counts[family]), *(str(contained[family, place]) for place in places)] for family in families]
    totals = [str(sum(contained[family, place] for family in families)) for place in places]
    rows.append(["all", str(sum(counts.values())), *totals])
    return "\n".join("  ".join(f"{cell:>12}" if at else f"{cell:8}" for at, cell in enumerate(row)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
