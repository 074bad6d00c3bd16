"""An episode as a person would want to read it in a terminal."""

import sys
from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from forge_arena.types import Observation, Span, Truth, Verdict, View


def episode_panels(observation: Observation, truth: Truth | None = None, verdict: Verdict | None = None) -> list[Panel]:
    """Task, source, reasoning, answer, probes and tool uses, as far as the view shows them; verdict and truth if they
    are given. The truth's spans are marked."""
    source_spans = truth.source_spans if truth and truth.corrupted else ()
    output_spans = truth.output_spans if truth and truth.corrupted else ()
    panels = [Panel(escape(observation.task), title="task", subtitle=observation.domain.value, border_style="cyan")]
    if observation.view is not View.answer_only:
        panels.append(
            Panel(mark_spans(observation.source_material, source_spans, "black on green"), title="source material")
        )
    if observation.view is View.full:
        reasoning = escape(observation.worker_reasoning or "(none)")
        panels.append(Panel(reasoning, title="Worker's reasoning", border_style="dim"))
    panels.append(Panel(mark_spans(observation.worker_output, output_spans, "white on red"), title="Worker's answer"))
    for probe in observation.probes:
        panels.append(Panel(f"[bold]{escape(probe.question)}[/]\n{escape(probe.answer)}", title="probe"))
    for use in observation.tool_uses:
        asked = escape(", ".join(f"{name}: {value}" for name, value in use.arguments.items()))
        panels.append(Panel(f"[bold]{asked}[/]\n{escape(use.result)}", title=use.name))
    if verdict is not None:
        panels.append(Panel(_verdict(verdict), title="verdict", border_style="yellow"))
    if truth is not None:
        panels.append(Panel(_truth(truth), title="truth", border_style="green"))
    return panels


def print_panels(panels: list[Panel]) -> None:
    """Print panels on standard output. A character that the terminal lacks is printed as its number."""
    console = Console()
    with console.capture() as captured:
        console.print(*panels, sep="\n")
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(captured.get().encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def panels_as_text(panels: list[Panel]) -> str:
    """Panels as plain text, 110 columns wide."""
    page = StringIO()
    Console(file=page, width=110, force_terminal=False).print(*panels, sep="\n")
    return page.getvalue()


def mark_spans(text: str, spans: tuple[Span, ...], style: str) -> Text:
    """The text with its spans in a style. An empty span shows as ⟨missing⟩."""
    marked = Text()
    end = 0
    for span in sorted(spans, key=lambda s: s.start):
        marked.append(text[end : span.start])
        marked.append(span.of(text) or "⟨missing⟩", style=style)
        end = span.end
    marked.append(text[end:])
    return marked


def _verdict(verdict: Verdict) -> Table:
    return _rows(
        ("corrupted" if verdict.detection else "clean", f"confidence {verdict.confidence:.2f}"),
        ("explanation", verdict.explanation or "(empty)"),
        ("correction", verdict.correction or "(empty)"),
    )


def _truth(truth: Truth) -> Table:
    if not truth.corrupted:
        return _rows(("clean", f"family {truth.family}"))
    return _rows(
        ("corrupted", f"{truth.corruption_type}, claim {truth.target}, by {truth.mechanism}, stealth {truth.stealth}"),
        ("family", truth.family),
        ("clean answer", truth.clean_output),
    )


def _rows(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, escape(value))
    return table
