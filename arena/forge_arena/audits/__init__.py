"""Audits: are the labels true, can the task be solved without its source, can the reward be had without the work?

Each audit is a function that returns an `AuditReport`; `page` shows one as a self-contained HTML page.
"""

from forge_arena.audits.report import AuditReport, Figure, Gate, Table

__all__ = ["AuditReport", "Figure", "Gate", "Table"]
