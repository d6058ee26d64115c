"""Results as one self-contained HTML page: no script, no request to anywhere, prints well.

The pages are made by ``gentut.report.run`` and ``gentut.report.compare`` of the blocks in
``gentut.report.page``, which need matplotlib. What is handed on here needs NumPy alone, so that the
command line can print its tables at once.
"""

from gentut.report.recommendation import NEEDS, Recommendation, recommend
from gentut.report.scores import SCORES
from gentut.report.verdict import verdict

__all__ = ["NEEDS", "SCORES", "Recommendation", "recommend", "verdict"]
