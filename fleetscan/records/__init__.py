"""The outward contract as types: row, totals, plan, run.json and the journal's events, each declared once.

Pure values and their schemas; never talks to Azure and never decides how a VM ended.
"""
