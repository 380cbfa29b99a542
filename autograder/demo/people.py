"""Made-up students: forty plausible names from many places, and more where a demo asks for more."""

from __future__ import annotations

_NAMES = (
    "amina_diallo", "lukas_bauer", "priya_raman", "mateo_fernandez", "王小明", "sofia_rossi", "kwame_mensah",
    "hana_suzuki", "Maria da Silva", "noah_williams", "leila_haddad", "ivan_petrov", "chloe_martin", "thabo_nkosi",
    "ingrid_hansen", "diego_morales", "yasmin_khan", "jakub_nowak", "minh_tran", "fatima_zahra", "oliver_smith",
    "aylin_demir", "samuel_okafor", "elena_popescu", "arjun_patel", "siiri_virtanen", "carlos_mendoza", "mei_lin",
    "tariq_aziz", "anna_kowalska", "bilal_hussain", "freya_jensen", "joao_santos", "zanele_dube", "marek_svoboda",
    "nadia_benali", "kenji_tanaka", "ruth_goldberg", "tomas_garcia", "aroha_walker",
)  # fmt: skip


def student_ids(count: int) -> tuple[str, ...]:
    """Return `count` different student ids; the names begin again with a number after the fortieth."""
    rounds = range(1, count // len(_NAMES) + 2)
    ids = (name if number == 1 else f"{name}_{number}" for number in rounds for name in _NAMES)
    return tuple(name for name, _ in zip(ids, range(count), strict=False))
