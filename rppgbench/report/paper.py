"""Papers as data: the tables that a report shows, the numbers that were published, and what figures are called.

A paper is a YAML file in the folder ``papers`` beside a protocol file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

import rppgbench.protocol
from rppgbench.claims.claims_library import builtin_claims
from rppgbench.errors import ProtocolError, nearest
from rppgbench.evaluation.metrics import METRICS
from rppgbench.protocol import yaml_document
from rppgbench.protocol.protocol_file import Frozen
from rppgbench.protocol.yaml_document import Document
from rppgbench.report.captions import CAPTIONS

# In a wheel they lie inside the package, beside the protocols; in a checkout in protocols/papers.
_PACKAGED = Path(str(rppgbench.protocol.__file__)).parent / "builtin" / "papers"
_CHECKOUT = Path(__file__).parents[2] / "protocols" / "papers"

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class PublishedTable(Frozen):
    """Published results of one dataset; ``rows`` are numbers by name in the order of the metrics, None for a dash."""

    dataset: str
    table: Annotated[str, Field(description="what the paper calls the table, such as 'Table 2'")]
    note: str = ""
    rows: Annotated[dict[str, tuple[float | None, ...]], Field(min_length=1)]


class PaperTable(Frozen):
    """A table of results: a row an entry, a column a metric."""

    name: FileName
    title: str
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    digits: Annotated[int, Field(ge=0, le=6)]
    variability: Annotated[bool, Field(description="count windows with heart-rate variability")] = False
    joined: Annotated[bool, Field(description="repeat the table for longer, joined windows")] = False
    published: tuple[PublishedTable, ...] = ()

    def published_for(self, dataset: str) -> PublishedTable | None:
        """Published results of ``dataset``, None without any."""
        return next((published for published in self.published if published.dataset == dataset), None)


class Paper(Frozen):
    """``figures`` are the beginnings of figures' file names, such as ``fig5``, by the figure's general name.

    ``protocols`` names the protocols with reports in the paper's shape, None stands for all; ``claims`` the paper's
    claims file in rppgbench, None without one.
    """

    cite: str
    protocols: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    claims: str | None = None
    figures: dict[str, FileName] = Field(default_factory=dict)
    tables: tuple[PaperTable, ...] = ()


def builtin_papers() -> dict[str, Path]:
    """Paper files that come with rppgbench, by name."""
    return _papers_in(_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT)


def find_paper(protocol: str, protocol_path: Path | None) -> Paper | None:
    """The paper that reports of a protocol follow, None without any.

    Papers beside ``protocol_path`` come before those of rppgbench; of one folder, the first that lists the protocol,
    else the first without a list.

    Raises:
        ProtocolError: anything is wrong in a paper file of these folders.
    """
    own = {} if protocol_path is None else _papers_in(protocol_path.absolute().parent / "papers")
    for paths in (own, builtin_papers()):
        papers = [load_paper(path) for path in paths.values()]
        listed = [paper for paper in papers if protocol in (paper.protocols or ())]
        for paper in (*listed, *(paper for paper in papers if paper.protocols is None)):
            return paper
    return None


def load_paper(path: Path) -> Paper:
    """The paper in the file at ``path``.

    Raises:
        ProtocolError: anything in it is wrong; the message starts with ``file:line:column``.
    """
    paper, source = yaml_document.load(path, Paper, ProtocolError, "see docs/report.md")
    wrong = [*_unknown_names(source, paper), *_duplicates(source, paper), *_misfits(source, paper)]
    if wrong:
        raise ProtocolError("\n".join(wrong), hint="see docs/report.md")
    return paper


def _papers_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _unknown_names(source: Document, paper: Paper) -> Iterator[str]:
    if paper.claims is not None and paper.claims not in (known := builtin_claims()):
        yield f"{source.where(('claims',))}: no claims are called {paper.claims!r} ({nearest(paper.claims, known)})"
    for name in paper.figures:
        if name not in CAPTIONS:
            where = source.where(("figures", name), key=True)
            yield f"{where}: no figure is called {name!r} ({nearest(name, CAPTIONS)})"
    for t, table in enumerate(paper.tables):
        for m, metric in enumerate(table.metrics):
            if metric not in METRICS:
                where = source.where(("tables", t, "metrics", m))
                yield f"{where}: no metric is called {metric!r} ({nearest(metric, METRICS)})"


def _duplicates(source: Document, paper: Paper) -> Iterator[str]:
    names = [table.name for table in paper.tables]
    for t, table in enumerate(paper.tables):
        if table.name in names[:t]:
            yield f"{source.where(('tables', t, 'name'))}: table {table.name!r} stands there twice"
        datasets = [published.dataset for published in table.published]
        for p, dataset in enumerate(datasets):
            if dataset in datasets[:p]:
                where = source.where(("tables", t, "published", p, "dataset"))
                yield f"{where}: dataset {dataset!r} stands in the table twice"


def _misfits(source: Document, paper: Paper) -> Iterator[str]:
    """Rows with more or fewer numbers than their table has metrics."""
    for t, table in enumerate(paper.tables):
        for p, published in enumerate(table.published):
            for name, values in published.rows.items():
                if len(values) != len(table.metrics):
                    where = source.where(("tables", t, "published", p, "rows", name))
                    yield f"{where}: {len(values)} numbers for {len(table.metrics)} metrics; null stands for a dash"
