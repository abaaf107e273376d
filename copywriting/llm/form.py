"""What a draft may be made of while it is written: a subject, a line break, "Body:", one line, and slots that were asked for.

Digits, currency, percent, quotes, markup and other alphabets are out of the vocabulary, and after an opening brace only a
slot can follow. This holds the form and nothing else: every check runs on the result all the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from copywriting.exceptions import ModelUnsuitable
from copywriting.llm import prompts
from copywriting.llm.openings import Opening

_UNWRITTEN = frozenset('0123456789$%"*#<>[]|\\~^`=@&+/()_')


class Form:
    """The form in the tokens of one model: made once, it looks at every piece of the vocabulary (0.1 s for 49,152)."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        self._tokenizer = tokenizer
        pieces = [tokenizer.decode([token]) for token in range(size)]
        self.end: int = tokenizer.eos_token_id
        self.openers = [token for token, piece in enumerate(pieces) if piece in {"{", " {"}]
        self.breaks = [token for token, piece in enumerate(pieces) if "\n" in piece]
        self.endings = [self.end, *self.breaks]
        self.stops = frozenset(token for token, piece in enumerate(pieces) if piece.rstrip()[-1:] in {".", "!", "?"})
        self.banned = torch.tensor([not _writable(piece) for piece in pieces])
        self.banned[list(tokenizer.all_special_ids)] = True
        self.banned[self.end] = False
        self.body = self._tokens("\n" + prompts.BODY)[1:]

    def held(self, n: int, needed: tuple[str, ...], *, in_body: bool = False, begun: Sequence[Opening] = ()) -> "Held":
        """`in_body`: the prompt has opened the body already, for a channel without a subject. `begun` says how the parts of
        each of the n candidates begin; without it the model begins them as it likes.
        """
        # A closing brace and the full stop after it are one token, so they are a way of their own. The last slot ends
        # its sentence: left free, this model runs on with "until {end} until".
        inner = {slot: self._after_brace(f"{{{slot}}}") for slot in needed}
        last = {slot: self._after_brace(f"{{{slot}}}.") for slot in needed}
        starts = [
            (self._tokens(f" {one.subject}"), self._tokens(f" {one.hook}"), self._tokens(f" {one.call}"))
            if one.hook
            else ([], [], [])
            for one in begun or [Opening()] * n
        ]
        return Held(self, inner, last, in_body, starts)

    def free(self) -> "Free":
        return Free(self.end)

    def _tokens(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False).input_ids

    def _after_brace(self, text: str) -> list[int]:
        brace, *rest = self._tokens(text)
        if brace not in self.openers:
            raise ModelUnsuitable(
                f"The model's tokenizer joins the brace of {text} with what follows; choose another model."
            )
        return rest


class Held:
    """Where each candidate of one batch stands: what it must write next, if anything, and which slots it has left.

    `inner` and `last` are how a slot goes on after its brace: while others are missing, and as the last one. `starts` are
    the first tokens of each candidate's subject, hook and call, empty where the model begins as it likes.
    """

    def __init__(
        self,
        form: Form,
        inner: Mapping[str, list[int]],
        last: Mapping[str, list[int]],
        in_body: bool,
        starts: Sequence[tuple[list[int], list[int], list[int]]],
    ) -> None:
        n = len(starts)
        self.end = form.end
        self._form = form
        self._inner, self._last = inner, last
        first = [hook if in_body else subject for subject, hook, _ in starts]
        # What may follow, token by token; empty: anything.
        self._paths: list[list[list[int]]] = [[start] if start else [] for start in first]
        self._hooks = [hook for _, hook, _ in starts]
        self._calls = [call for *_, call in starts]
        self._gone: list[list[int]] = [[] for _ in range(n)]  # how far each has gone on its path
        self._left = [set(inner) for _ in range(n)]
        self._in_body = [in_body] * n

    def masked(self, logits: torch.Tensor, live: list[int]) -> torch.Tensor:
        """[rows, vocabulary] scores with what may not come next at minus infinity; row i belongs to candidate live[i]."""
        masked = logits.masked_fill(self._form.banned, -torch.inf)
        for row, candidate in enumerate(live):
            if paths := self._paths[candidate]:
                allowed = sorted({path[0] for path in paths})
                masked[row] = -torch.inf
                masked[row, allowed] = logits[row, allowed]
            elif not self._left[candidate]:
                masked[row, self._form.openers] = -torch.inf
            elif self._in_body[candidate]:
                masked[row, self._form.endings] = -torch.inf
        return masked

    def step(self, candidate: int, token: int) -> bool:
        """Take a token; False when the candidate has ended, and the token is then no part of it."""
        form = self._form
        if self._paths[candidate]:
            self._follow(candidate, token)
            return True
        if token == form.end or (token in form.breaks and self._in_body[candidate]):
            return False
        if token in form.breaks:
            self._in_body[candidate] = True
            self._left[candidate] = set(self._inner)
            self._paths[candidate] = [form.body + self._hooks[candidate]]
        elif token in form.stops and self._in_body[candidate] and self._calls[candidate]:
            self._paths[candidate] = [self._calls[candidate]]  # the first sentence of the body has ended
            self._calls[candidate] = []
        elif token in form.openers:
            left = sorted(self._left[candidate])
            ways = self._last if len(left) == 1 else self._inner
            self._paths[candidate] = [ways[slot] for slot in left]
        return True

    def _follow(self, candidate: int, token: int) -> None:
        gone = [*self._gone[candidate], token]
        paths = [path[1:] for path in self._paths[candidate] if path[0] == token]
        ended = [] in paths
        self._paths[candidate] = [] if ended else paths
        self._gone[candidate] = [] if ended else gone
        self._left[candidate] -= {slot for slot in self._inner if gone in (self._inner[slot], self._last[slot])}


class Free:
    """Nothing is held: the model's own way, for comparison."""

    def __init__(self, end: int) -> None:
        self.end = end

    def masked(self, logits: torch.Tensor, _: list[int]) -> torch.Tensor:
        return logits

    def step(self, _: int, token: int) -> bool:
        return token != self.end


def _writable(piece: str) -> bool:
    """Plain English text; a brace only alone, as the start of a slot."""
    if "{" in piece or "}" in piece:
        return piece in {"{", " {"}
    return all(sign == "\n" or (" " <= sign <= "~" and sign not in _UNWRITTEN) for sign in piece)
