"""`forge-arena audit`: prove that the labels are true, that the source is needed, and that the reward cannot be gamed.

Each audit is a module with one command. The command ends in `audit_report.finish`, which prints the report, writes it,
and sets the exit code. `audit answers` has no gates and a report of its own.
"""

import typer

from forge_command import audit_answers, audit_exploits, audit_labels, audit_regrade, audit_shortcuts

app = typer.Typer(
    help="Prove that the labels are true, that the source is needed, and that the reward cannot be gamed.",
    epilog="Exit codes of every audit: 0 if no gate fails, 1 if a gate fails, 2 on bad input. A gate of documents may "
    "stay open, which the report says: too little was measured to decide it.",
    no_args_is_help=True,
)
app.command("labels", epilog=audit_labels.EPILOG)(audit_labels.labels)
app.command("shortcuts", epilog=audit_shortcuts.EPILOG)(audit_shortcuts.shortcuts)
app.command("exploits", epilog=audit_exploits.EPILOG)(audit_exploits.exploits)
app.command("answers", epilog=audit_answers.EPILOG)(audit_answers.answers)
app.command("regrade", epilog=audit_regrade.EPILOG)(audit_regrade.regrade)
