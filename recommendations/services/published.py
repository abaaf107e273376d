"""Where the arrays that the web process ranks with rest: workers publish there, web processes map from there.

On several machines `ARTIFACTS_DIR` is a shared folder, as it is for the artifacts of models.
"""

from pathlib import Path

from django.conf import settings

GRAPH = "graph.usearch"
FILE = "the published index"  # what an alarm about it is about


def folder() -> Path:
    return Path(settings.ARTIFACTS_DIR) / "serving"
