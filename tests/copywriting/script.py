"""A writer with a script: the pipeline takes any callable that answers (brief, n, seed) with texts."""

from copywriting.contracts import CopyBrief


class Script:
    provenance = {"model": "script", "digest": "d" * 64, "prompt": "script-1"}

    def __init__(self, *texts: str):
        self.texts = texts

    def __call__(self, brief: CopyBrief, n: int, seed: int) -> list[str]:
        return [self.texts[place % len(self.texts)] for place in range(n)]
