"""`.env.example` names exactly what a service reads."""

import re

from opside_chassis.settings import read

_LINE = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=")


def test_the_example_lists_every_setting_and_no_other(service):
    fields = service.module("settings").Settings.model_fields
    example = (service.folder / ".env.example").read_text().splitlines()
    listed = [match[1] for match in map(_LINE.match, example) if match]
    assert sorted(listed) == sorted(name.upper() for name in fields)


def test_what_this_machine_gives_a_service_is_enough_to_start(service, started_as_locally):
    settings = read(service.module("settings").Settings)
    assert not settings.in_production
