"""The real rows beside the repository: all are read, and what is one document is one family."""

from collections import Counter
from pathlib import Path

import pytest

from forge_arena.documents.document import Document
from forge_arena.documents.reading import read_documents
from forge_arena.documents.sections import sections
from forge_arena.documents.splits import places

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "scenario_sources"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not REAL.is_dir(), reason="the real documents do not lie beside the repository"),
]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    found = list(read_documents(sorted(REAL.glob("*.jsonl"))))
    assert all(isinstance(document, Document) for document in found)
    return [document for document in found if isinstance(document, Document)]


def of_file(documents: list[Document], name: str) -> list[Document]:
    return [document for document in documents if name in document.name]


def test_families_of_real_documents(documents: list[Document]) -> None:
    found = dict(zip((d.name for d in documents), places(documents), strict=True))
    assert len({found[d.name] for d in of_file(documents, "tau2_airline")}) == 1
    assert len({found[d.name] for d in of_file(documents, "tau_retail")}) == 1
    clauses = of_file(documents, "cuad_clauses")
    assert len(clauses) == 34
    # Three clauses come twice, to the letter.
    assert len({found[d.name] for d in clauses}) == len({" ".join(d.text.split()) for d in clauses}) == 31
    assert len(set(found.values())) == 246


def test_sections_of_real_documents(documents: list[Document]) -> None:
    clauses = of_file(documents, "commonpaper")
    titled = [d for d in clauses if (found := sections(d.text)) and found[0].number and found[0].title]
    assert len(titled) >= len(clauses) - 2
    # A step of a checklist, an item of a list, and a comment in code are no sections.
    for name in ("tau2_airline", "tau2_banking", "mixed_public_guidance", "code_review"):
        assert Counter(s.number for d in of_file(documents, name) for s in sections(d.text)).keys() <= {None}, name
    for document in of_file(documents, "tau_retail"):
        assert [s.title for s in sections(document.text) if s.level == 1] == ["POLICY", "ORDERS"]
