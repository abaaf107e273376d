"""Sampling candidates from a language model: a batch of the same prompt, on a seed, within the form that slots need.

Two things make it quick on a processor: the prompt's shared part is computed once per generator and the brief's part
once per batch, and the cache has its room from the start instead of being copied at every token.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from copywriting.contracts import CopyBrief
from copywriting.llm import bank, openings, prompts, slots
from copywriting.llm.form import Form, Free, Held
from copywriting.llm.model import LanguageModel


@dataclass(frozen=True, slots=True)
class Sampling:
    """`max_tokens` holds for subject and body together; two sentences take about 30. `spare` candidates more are drawn than
    asked for, and as many of the least likely left out: an odd line has a word that its model hardly believes. `held` is off
    for benchmarks only: what the model writes when nothing holds it to the form. `begun`: each candidate's parts start with
    the first words of another phrase (see openings).
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.9
    max_tokens: int = 48
    spare: int = 0
    held: bool = True
    begun: bool = False


# A tuned model ends its texts by itself, so the room for a long one costs nothing. Nothing is spared: of an odd text too a
# part may be good (see joining). Nothing is begun for it: that would halve the repetition over sixty texts (self-BLEU-4 .40 in
# place of .52) and answer every brief, but of sixty lines read by eye ten were odd in place of four, and sense comes first.
TUNED = Sampling(temperature=0.5, top_p=0.9, max_tokens=80)


@dataclass(frozen=True, slots=True)
class _Shared:
    """The part of the prompt that many briefs share: keys and values per layer, each [1, heads, tokens, head size]."""

    text: str
    layers: list[tuple[torch.Tensor, torch.Tensor]]


class Generator:
    """Candidates for a brief: `generator(brief, n, seed)` gives n raw texts, the same for the same seed and n.

    The model's chat template has to take a system turn. `provenance` is what a draft records to be written again.
    Raises ModelUnsuitable when slots cannot be held to in the model's tokens.
    """

    def __init__(self, language: LanguageModel, prompt: str = prompts.DEFAULT, sampling: Sampling = Sampling()) -> None:
        self.language = language
        self.prompt = prompts.PROMPTS[prompt]
        self.sampling = sampling
        self.tokens_written = 0
        self._form = Form(language.tokenizer, language.model.config.vocab_size)
        self._shared: dict[tuple[str, ...], _Shared] = {}  # one per set of slots that briefs have asked for

    @property
    def provenance(self) -> Mapping[str, Any]:
        phrases = {"phrases": bank.digest()} if self.sampling.begun else {}
        return {
            **self.language.provenance,
            "prompt": self.prompt.version,
            "sampling": asdict(self.sampling),
            **phrases,
        }

    @torch.inference_mode()
    def __call__(self, brief: CopyBrief, n: int, seed: int) -> list[str]:
        needed = slots.required(brief)
        if needed not in self._shared:
            self._shared[needed] = self._prefill(needed)
        shared = self._shared[needed]
        rest = self.whole_prompt(brief).removeprefix(shared.text)  # cut at a chat marker, where tokens never join
        body_alone = self.tuned and not brief.limits.subject
        drawn = n + self.sampling.spare
        begun = openings.draw(brief, drawn, seed) if self.sampling.begun else ()
        form = (
            self._form.held(drawn, needed, in_body=body_alone, begun=begun) if self.sampling.held else self._form.free()
        )
        rows, worst = self._sample(shared, self._ids(rest), drawn, seed, form)
        self.tokens_written += sum(len(row) for row in rows)
        likely = sorted(sorted(range(drawn), key=lambda row: -worst[row])[:n])
        rows = [rows[row] for row in likely]
        opening = f"{prompts.OPENING}\n{prompts.BODY}" if body_alone else prompts.OPENING
        return [opening + text for text in self.language.tokenizer.batch_decode(rows)]

    @property
    def tuned(self) -> bool:
        return self.prompt.version == prompts.TUNED

    def whole_prompt(self, brief: CopyBrief) -> str:
        if self.tuned:
            return prompts.short_request(brief)
        chat = [*prompts.shared_messages(self.prompt, slots.required(brief)), prompts.brief_message(self.prompt, brief)]
        return self._render(chat, add_generation_prompt=True) + prompts.OPENING

    def _prefill(self, needed: tuple[str, ...]) -> "_Shared":
        if self.tuned:
            return _Shared("", [])  # thirty tokens, all of this brief
        text = self._render(prompts.shared_messages(self.prompt, needed))
        cache = DynamicCache(config=self.language.model.config)
        self.language.model(self._ids(text), past_key_values=cache, use_cache=True, logits_to_keep=1)
        return _Shared(text, [(layer.keys, layer.values) for layer in cache.layers])

    def _render(self, chat: list[dict[str, str]], add_generation_prompt: bool = False) -> str:
        template = self.language.tokenizer.apply_chat_template
        return template(chat, tokenize=False, add_generation_prompt=add_generation_prompt)

    def _ids(self, text: str) -> torch.Tensor:
        return self.language.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids

    def _sample(
        self, shared: "_Shared", ids: torch.Tensor, n: int, seed: int, form: Held | Free
    ) -> tuple[list[list[int]], list[float]]:
        """n rows of token ids that follow `ids` [1, tokens], and the log probability of each row's least likely token.

        Rows that end leave the batch: a long one costs only itself.
        """
        model, sampling = self.language.model, self.sampling
        cache = DynamicCache(config=model.config)
        if shared.layers:
            cache.layers = [_RoomyLayer(*pair, 1, ids.shape[1]) for pair in shared.layers]
        logits = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].repeat(n, 1)
        cache.layers = [_RoomyLayer(layer.keys, layer.values, n, sampling.max_tokens) for layer in cache.layers]
        # One draw per candidate and position, made beforehand: a row's luck does not depend on which others have ended.
        luck = torch.rand((n, sampling.max_tokens), generator=torch.Generator().manual_seed(seed))
        texts: list[list[int]] = [[] for _ in range(n)]
        worst = [0.0] * n
        live = list(range(n))
        for position in range(sampling.max_tokens):
            logits = form.masked(logits.float(), live)
            chosen = choose(logits, luck[live, position], sampling)
            belief = torch.log_softmax(logits, dim=-1).gather(1, chosen[:, None])[:, 0].tolist()
            for candidate, odds in zip(live, belief, strict=True):
                worst[candidate] = min(worst[candidate], odds)
            going = []
            for row, (candidate, token) in enumerate(zip(live, chosen.tolist(), strict=True)):
                if form.step(candidate, token):
                    texts[candidate].append(token)
                    going.append(row)
            if not going:
                break
            if len(going) < len(live):
                kept = torch.tensor(going)
                cache.batch_select_indices(kept)
                chosen, live = chosen[kept], [live[row] for row in going]
            logits = model(chosen[:, None], past_key_values=cache, use_cache=True).logits[:, -1]
        return texts, worst


def choose(logits: torch.Tensor, luck: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Nucleus sampling (Holtzman et al. 2020) among the top k. [rows, vocabulary], [rows] -> [rows]

    Top k first: sorting 49,152 scores at every token would cost as much as the model.
    """
    scores, ids = logits.topk(sampling.top_k)
    odds = torch.softmax(scores / sampling.temperature, dim=-1)
    odds = odds.masked_fill(odds.cumsum(-1) - odds > sampling.top_p, 0.0)
    bars = odds.cumsum(-1)
    place = (bars <= luck[:, None] * bars[:, -1:]).sum(-1, keepdim=True).clamp(max=sampling.top_k - 1)
    return ids.gather(1, place)[:, 0]


class _RoomyLayer(DynamicLayer):
    """A cache layer that has its room from the start: one copy per batch instead of one per token and layer.

    Growing by concatenation took two thirds of the time at batch 32. Repeats one row of keys and values n times.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, n: int, room: int) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._used = keys.shape[2]
        self._store = [
            states.new_empty(n, states.shape[1], self._used + room, states.shape[3]) for states in (keys, values)
        ]
        for store, states in zip(self._store, (keys, values), strict=True):
            store[:, :, : self._used] = states
        self._show()

    def _show(self) -> None:
        self.keys, self.values = (store[:, :, : self._used] for store in self._store)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, ...]:
        end = self._used + key_states.shape[2]
        for store, states in zip(self._store, (key_states, value_states), strict=True):
            store[:, :, self._used : end] = states
        self._used = end
        self._show()
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        self._store = [store[indices] for store in self._store]
        self._show()
