"""What a draft may be made of while it is written: a subject, a line break, "Body:", one line, and slots that were asked for.

Digits, currency, percent, quotes, markup and other alphabets are out of the vocabulary, and after an opening brace only a
slot can follow. This holds the form and nothing else: every check runs on the result all the same.
"""

from collections.abc import Mapping
from typing import Any

import torch

from copywriting.exceptions import ModelUnsuitable
from copywriting.llm import prompts

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
        self.banned = torch.tensor([not _writable(piece) for piece in pieces])
        self.banned[list(tokenizer.all_special_ids)] = True
        self.banned[self.end] = False
        self.body = self._tokens("\n" + prompts.BODY)[1:]

    def held(self, n: int, needed: tuple[str, ...], *, in_body: bool = False) -> "Held":
        """`in_body`: the prompt has opened the body already, for a channel without a subject."""
        # A closing brace and the full stop after it are one token, so they are a way of their own. The last slot ends
        # its sentence: left free, this model runs on with "until {end} until".
        inner = {slot: self._after_brace(f"{{{slot}}}") for slot in needed}
        last = {slot: self._after_brace(f"{{{slot}}}.") for slot in needed}
        return Held(self, n, inner, last, in_body)

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

    `inner` and `last` are how a slot goes on after its brace: while others are missing, and as the last one.
    """

    def __init__(
        self, form: Form, n: int, inner: Mapping[str, list[int]], last: Mapping[str, list[int]], in_body: bool
    ) -> None:
        self._form = form
        self._inner, self._last = inner, last
        self._paths: list[list[list[int]]] = [[] for _ in range(n)]  # what may follow, token by token; empty: anything
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
            self._paths[candidate] = [form.body]
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
        self._end = end

    def masked(self, logits: torch.Tensor, _: list[int]) -> torch.Tensor:
        return logits

    def step(self, _: int, token: int) -> bool:
        return token != self._end


def _writable(piece: str) -> bool:
    """Plain English text; a brace only alone, as the start of a slot."""
    if "{" in piece or "}" in piece:
        return piece in {"{", " {"}
    return all(sign == "\n" or (" " <= sign <= "~" and sign not in _UNWRITTEN) for sign in piece)
