"""A plan as GitHub's Markdown, for a pull request or the summary of a job.

Reads only the record of fleetscan.plan/1. Foreign text stands in code spans, as in a report.
"""

from __future__ import annotations

from fleetscan.records.plan import Plan
from fleetscan.report.markdown_text import code, table
from fleetscan.report.plan_groups import figures_of, folded_to, heading, name_of_group, rest_of
from fleetscan.report.plan_words import PlanWords

# GitHub takes 65,536 characters in a comment.
GROUPS_SHOWN = 50


def plan_markdown(record: Plan) -> str:
    """The plan as Markdown: the headline first, then what it rests on, then the groups."""
    words = PlanWords(record, code)
    blocks = [f"## Plan of a scan\n\n**{words.headline()[0]}**"]
    if rows := [*words.rows()]:
        blocks.append("\n".join(f"- {label}: {text}" for label, text, _ in rows))
    if groups := record["groups"]:
        shown, rest = folded_to(groups, GROUPS_SHOWN)
        lines = [
            [code(name_of_group(each)), code(each["location"] or "unknown"), *figures_of(each, groups)]
            for each in shown
        ]
        blocks.append(table(heading(groups), [*lines, *([rest_of(rest, groups)] if rest else [])]))
    return "\n\n".join(blocks)
