"""Audits: are the labels true, can the task be solved without its source, can the reward be earned without the work?

Each audit is a function that returns an `AuditReport`. The module `page` makes a self-contained HTML
page from a report.
"""

from forge_arena.audits.report import AuditReport, Figure, Gate, Table

__all__ = ["AuditReport", "Figure", "Gate", "Table"]
