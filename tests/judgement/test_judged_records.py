"""What is told of what is judged has the declared shape: it goes into records with a schema."""

from __future__ import annotations

import json
import random
from datetime import date

import pytest
from jsonschema_rs import Draft202012Validator

from fleetscan.judgement.counting import Counting
from fleetscan.judgement.service_levels import ServiceLevels, service_levels_of
from fleetscan.records.judged import LeftOut, ServiceLevelsJudged
from fleetscan.records.shapes import object_schema
from tests.judgement.fleets import drawn
from tests.judgement.test_counting import ON, drawn_rules


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_of_a_random_fleet_fits_the_declared_records(seed: int) -> None:
    draw = random.Random(seed)
    exceptions, ignored, _ = drawn_rules(draw)
    counting = Counting(exceptions, ignored, draw.choice((None, date(2026, 10, 1))), ON)
    levels = ServiceLevels(service_levels_of("critical=7d, other=90d"))
    for row, aged in drawn(draw).rows:
        counted = counting.count(row, aged)
        levels.add(counted.row, counted.patches)
    for record, told in ((LeftOut, counting.told()), (ServiceLevelsJudged, levels.told())):
        # (As it is written.)
        Draft202012Validator(object_schema(record)).validate(json.loads(json.dumps(told)))
