"""Results as one self-contained HTML page: no script, no request to anywhere, prints well."""

from gentut.report.compare import CompareContext, CompareRow, compare_report
from gentut.report.page import (
    Animation,
    Bullets,
    Code,
    Definitions,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Table,
    page,
)
from gentut.report.recommendation import NEEDS, Recommendation, recommend
from gentut.report.run import RunInfo, environment, run_report
from gentut.report.scores import SCORES
from gentut.report.verdict import verdict

__all__ = [
    "Animation",
    "Bullets",
    "Code",
    "CompareContext",
    "CompareRow",
    "Definitions",
    "Gallery",
    "Heading",
    "NEEDS",
    "Paragraph",
    "Picture",
    "Recommendation",
    "RunInfo",
    "SCORES",
    "Table",
    "compare_report",
    "environment",
    "page",
    "recommend",
    "run_report",
    "verdict",
]
