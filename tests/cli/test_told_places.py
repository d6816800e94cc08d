"""A run in object storage is named by its URL, never by the private directory that stands in for it."""

from __future__ import annotations

from fleetscan import places
from fleetscan.cli import wording
from fleetscan.places import Address


def test_notes_and_warnings_name_the_place_and_not_the_directory_that_stands_in() -> None:
    places.stand_in("/copies/x", Address.of("az://patches/fleet"))
    try:
        assert wording.note("resuming /copies/x/one") == "note: resuming az://patches/fleet/one"
        assert wording.warning("in /copies/x") == "warning: in az://patches/fleet"
    finally:
        places.forget("/copies/x")
