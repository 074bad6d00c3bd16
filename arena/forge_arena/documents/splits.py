"""Put documents into families and splits by what they say: documents that share most of their text are one family.

Three cases of one policy, or two versions of one manual, must not lie in train and in test. Documents are compared by
their shingles, which are all runs of four words. Two documents are of one family if the smaller one has half of its
shingles in the larger one. If both are of one family with a third document, the three are one family.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.sparse.csgraph import connected_components

from forge_arena.documents.document import Document
from forge_arena.documents.sections import title_of
from forge_arena.types import Split

SPLIT_SHARES = ((Split.train, 70), (Split.val, 15), (Split.test, 15))
SHINGLE_WORDS = 4
# The share of the smaller document's shingles at which two documents are of one family.
SHARED = 0.5
_ROWS_AT_ONCE = 500
_DIGITS = 12
_WORD = re.compile(r"\w+")
_FACTOR = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document belongs: the name of its family, and the split of the family."""

    family: str
    split: Split


def places(documents: Sequence[Document]) -> tuple[Place, ...]:
    """The family and the split of each document, by what the documents say. File names play no part.

    A family is named after the member whose digest is the least. So the same documents in another order have the same
    families.
    """
    members = _families(documents)
    named: dict[int, str] = {}
    for family in sorted(set(members)):
        first = min((d for d, f in zip(documents, members, strict=True) if f == family), key=lambda d: d.digest)
        named[family] = f"{_slug(title_of(first.text))}-{first.digest[:_DIGITS]}"
    return tuple(Place(named[family], split_of(named[family])) for family in members)


def split_of(family: str) -> Split:
    """The split of a family. Only the digest at the end of its name counts, so that a better title changes no split."""
    digest = family.rpartition("-")[2]
    at = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4], "big") % 100
    for split, share in SPLIT_SHARES:
        if at < share:
            return split
        at -= share
    return Split.test


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:40].strip("-") or "document"


def _families(documents: Sequence[Document]) -> list[int]:
    """The number of each document's family."""
    count = len(documents)
    if count == 0:
        return []
    held = _shingles(documents)
    sizes = np.maximum(np.asarray(held.sum(axis=1)).ravel(), 1)
    weighted, weights = _alike_columns_joined(held)
    # (documents, documents): how many shingles two documents share. Computed in parts, because most pairs share none.
    linked = []
    transposed = weighted.T.tocsr()
    for start in range(0, count, _ROWS_AT_ONCE):
        some = weighted[start : start + _ROWS_AT_ONCE]
        part = (
            csr_matrix((some.data * weights[some.indices], some.indices, some.indptr), some.shape) @ transposed
        ).tocoo()
        rows = part.row + start
        enough = part.data >= SHARED * np.minimum(sizes[rows], sizes[part.col])
        linked.append(
            coo_matrix((np.ones(enough.sum(), dtype=bool), (part.row[enough], part.col[enough])), shape=part.shape)
        )
    _, labels = connected_components(vstack(linked), directed=False)
    return [int(label) for label in labels]


def _shingles(documents: Sequence[Document]) -> csr_matrix:
    """Which document holds which shingle: a matrix of ones, (documents, shingles)."""
    ids: dict[str, int] = {}
    of_documents: list[NDArray[np.uint64]] = []
    for document in documents:
        words = [ids.setdefault(word, len(ids) + 1) for word in _WORD.findall(document.text.lower())]
        of_documents.append(_hashes(np.array(words, dtype=np.uint64)))
    lengths = [len(hashes) for hashes in of_documents]
    rows = np.repeat(np.arange(len(documents)), lengths)
    known, columns = np.unique(np.concatenate(of_documents), return_inverse=True)
    return csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(len(documents), len(known)))


def _hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The shingles of a document, each once, as numbers. A document that is shorter than a shingle is one shingle."""
    length = max(1, len(words) - SHINGLE_WORDS + 1)
    hashes = np.zeros(length, dtype=np.uint64)
    for at in range(min(SHINGLE_WORDS, len(words))):
        # Multiplication wraps around, and the shift mixes the high bits into the low ones.
        hashes = (hashes ^ words[at : at + length]) * np.uint64(_FACTOR)
        hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes)


def _alike_columns_joined(held: csr_matrix) -> tuple[csr_matrix, NDArray[np.int32]]:
    """The shingles that the same documents hold as one column, and how many shingles each column stands for.

    A page of boilerplate in 5,000 files is then one column instead of 400. Shingles of one document alone are left out.
    """
    by_shingle = held.tocsc()
    ends = by_shingle.indptr
    shared = np.flatnonzero(np.diff(ends) > 1)
    groups: dict[bytes, int] = {}
    first: list[int] = []
    counts: list[int] = []
    for column in shared:
        key = by_shingle.indices[ends[column] : ends[column + 1]].tobytes()
        group = groups.setdefault(key, len(groups))
        if group == len(first):
            first.append(int(column))
            counts.append(0)
        counts[group] += 1
    return by_shingle[:, first].tocsr(), np.array(counts, dtype=np.int32)
