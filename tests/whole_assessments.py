"""What a row says of the whole assessment in each directory of exchanges, reckoned by hand."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscan.model import Json

WHOLE_ASSESSMENTS: Mapping[str, Mapping[str, Json]] = {
    "exchanges": {
        "status": "Succeeded",
        "critical_and_security_count": 1,
        "other_count": 2,
        "reboot_pending": True,
        "patch_count": 3,
        "patches_complete": True,
        "assessed_at": "2025-06-14T01:13:50.902146Z",
        "operation": {
            "started_at": "2025-06-14T01:12:03.416732Z",
            "finished_at": "2025-06-14T01:13:50.902146Z",
            "duration_s": 107.485,
            "starts": 1,
            "polls": 4,
            "throttled": 0,
        },
    },
    "recordings": {
        "status": "Succeeded",
        "critical_and_security_count": 0,
        "other_count": 4,
        "reboot_pending": False,
        "patch_count": 4,
        "patches_complete": True,
        "assessed_at": "2023-02-22T04:03:05.519230Z",
        "operation": {
            "started_at": "2023-02-22T04:01:54.394730Z",
            "finished_at": "2023-02-22T04:03:05.519230Z",
            "duration_s": 71.124,
            "starts": 1,
            "polls": 4,
            "throttled": 0,
        },
    },
}

ARC_ASSESSMENTS: Mapping[str, Mapping[str, Json]] = {
    "exchanges": {
        "status": "CompletedWithWarnings",
        "critical_and_security_count": 5,
        "other_count": 4,
        "reboot_pending": True,
        "patch_count": None,
        "patches_complete": None,
        "assessed_at": "2025-06-14T01:16:40.118274Z",
    },
    "recordings": {
        "status": "Succeeded",
        "critical_and_security_count": 0,
        "other_count": 0,
        "reboot_pending": False,
        "patch_count": None,
        "patches_complete": None,
        "assessed_at": "2024-11-05T22:27:45.241430Z",
    },
}
