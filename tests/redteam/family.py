"""All attacks, by family."""

from __future__ import annotations

import family_deny
import family_escape
import family_page
import family_read
import family_score
from attack import Attack

FAMILIES = {
    "read": family_read.ATTACKS,
    "score": family_score.ATTACKS,
    "deny": family_deny.ATTACKS,
    "escape": family_escape.ATTACKS,
    "page": family_page.ATTACKS,
}


def of_family(name: str) -> tuple[Attack, ...]:
    """The attacks of one family."""
    return FAMILIES[name]
