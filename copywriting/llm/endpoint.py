"""A writer behind OpenAI's protocol: vLLM, Ollama, or any vendor, through the official client.

The address is the install's own (settings), never a brief's or a template's: that is the rule for what leaves the house.
What leaves is an approved audience phrase, the class of goods, the channel and the tone: no price, no code, no customer.
Whatever comes back passes the same gate as a local model's texts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from copywriting.contracts import CopyBrief
from copywriting.exceptions import WriterUnavailable
from copywriting.llm import classes, prompts, slots

PROMPT = "endpoint-1"
MOST_BYTES = 1_000_000  # a dozen drafts are some ten thousand; more is no answer to our question
LANGUAGES = {"en": "English", "zh-Hans": "Simplified Chinese"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and what it may cost: prices in US cents per million tokens, `cap` in hundredths of a cent a
    generation; 0 means that nothing is counted or held.
    """

    url: str
    model: str
    key: str = ""
    timeout: float = 20.0
    retries: int = 2
    price_in: float = 0.0
    price_out: float = 0.0
    cap: float = 0.0
    max_tokens: int = 160


class EndpointWriter:
    """`writer(brief, n, seed)` gives up to n raw texts. Raises WriterUnavailable with the reason and what to look at."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.cost = 0.0  # hundredths of a cent, of everything asked so far
        self._told: Mapping[str, Any] = {}
        self._client = openai.OpenAI(
            base_url=endpoint.url,
            api_key=endpoint.key or "none",
            timeout=endpoint.timeout,
            max_retries=endpoint.retries,
            http_client=openai.DefaultHttpxClient(
                transport=_Bounded(httpx2.HTTPTransport()), follow_redirects=False, trust_env=False
            ),
        )

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What the endpoint says of itself: a text can be asked for again, but only the endpoint's maker can promise it."""
        return {"model": self.endpoint.model, "digest": "", "prompt": PROMPT, "endpoint": True, **self._told}

    def __call__(self, brief: CopyBrief, n: int, seed: int) -> list[str]:
        chat = messages(brief)
        self._hold_cap(chat, n)
        try:
            answer = self._client.chat.completions.create(
                model=self.endpoint.model,
                messages=chat,
                n=n,
                seed=seed,
                temperature=0.9,
                max_tokens=self.endpoint.max_tokens,
                response_format={"type": "json_object"},
            )
        except openai.APITimeoutError as error:
            raise WriterUnavailable(
                f"The copy endpoint did not answer within {self.endpoint.timeout:g} s ({self.endpoint.retries + 1} tries);"
                " see ATTUNE_COPY_ENDPOINT and its load."
            ) from error
        except _TooLong as error:
            raise WriterUnavailable(str(error)) from error
        except openai.APIStatusError as error:
            raise WriterUnavailable(
                f"The copy endpoint answered {error.status_code}; see ATTUNE_COPY_ENDPOINT, its key and the model's name."
            ) from error
        except openai.OpenAIError as error:
            too_long = next((one for one in _causes(error) if isinstance(one, _TooLong)), None)
            raise WriterUnavailable(
                str(too_long) if too_long else f"The copy endpoint cannot be reached: {type(error).__name__}."
            ) from error
        except ValueError as error:  # JSON that is none: the client reads the body itself
            raise WriterUnavailable("The copy endpoint answered with something that is no JSON.") from error
        return self._texts(answer)

    def _hold_cap(self, chat: list[dict[str, str]], n: int) -> None:
        """Refuses before it is spent: the most that this call can cost, by four signs a token."""
        end = self.endpoint
        signs = sum(len(message["content"]) for message in chat)
        most = (signs / 4 * end.price_in + n * end.max_tokens * end.price_out) / 1e6 * 100
        if end.cap and most > end.cap:
            raise WriterUnavailable(
                f"This generation could cost {most / 100:.2f} cents, the cap is {end.cap / 100:.2f}; ask for fewer drafts"
                " or raise ATTUNE_COPY_ENDPOINT_CAP."
            )

    def _texts(self, answer: Any) -> list[str]:
        choices = getattr(answer, "choices", None)
        if not isinstance(choices, list):  # HTML comes through the client as text
            raise WriterUnavailable("The copy endpoint did not answer in OpenAI's form (a page in HTML, perhaps).")
        if answer.usage is not None:
            spent = answer.usage.prompt_tokens * self.endpoint.price_in
            spent += answer.usage.completion_tokens * self.endpoint.price_out
            self.cost += spent / 1e6 * 100
        self._told = {"served_by": answer.model, "fingerprint": answer.system_fingerprint or "", "cost": self.cost}
        texts = [_text(choice.message.content or "") for choice in choices if choice.message is not None]
        if not texts:
            raise WriterUnavailable("The copy endpoint gave no draft; see whether the model takes n and JSON mode.")
        return texts


def messages(brief: CopyBrief) -> list[dict[str, str]]:
    """The chat. The product's name stays here, so nothing that a catalogue holds can give the model orders."""
    asked = " ".join(f"{{{slot}}}" for slot in slots.required(brief))
    room = f"at most {max(brief.limits.body - 60, 20)} characters"
    rules = (
        f"You write shop messages in {LANGUAGES[brief.locale]} as JSON: an object with the keys "
        f'"subject" and "body". Facts are slots in braces; use each of these exactly once in the body: {asked}. '
        "Write no digit, no currency, no percent sign, no other brace, no claim about the product, no superlative, no urgency, "
        f"nothing free. The body has one or two sentences, {room}. Say we and you."
    )
    told = f"Write for {brief.audience}, about {classes.phrase(classes.spoken_of(brief))}. Tone: {brief.tone}."
    if not brief.limits.subject:
        told += " Leave the subject empty."
    if brief.never_say:
        told += f" Do not say: {', '.join(brief.never_say)}."
    spoken = [phrase for phrase in brief.must_say if not slots.SLOT.fullmatch(phrase)]
    if spoken:
        told += f" Say word by word: {'; '.join(spoken)}."
    return [{"role": "system", "content": rules}, {"role": "user", "content": told}]


def _text(content: str) -> str:
    """A choice in the form that every writer answers in. What is no JSON stays as it is, and the gate says what is wrong."""
    try:
        said = json.loads(content)
    except ValueError:
        return content
    if not isinstance(said, dict):
        return content
    subject, body = (str(said.get(part, "")) for part in ("subject", "body"))
    return f"{prompts.OPENING} {' '.join(subject.split())}\n{prompts.BODY} {' '.join(body.split())}"


class _TooLong(Exception):
    pass


class _Stream(httpx2.SyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._inner:
            read += len(chunk)
            if read > MOST_BYTES:
                raise _TooLong(f"The copy endpoint sent more than {MOST_BYTES / 1e6:g} MB; that is no draft.")
            yield chunk

    def close(self) -> None:
        self._inner.close()


class _Bounded(httpx2.BaseTransport):
    """A transport that stops reading an answer that is too long, instead of holding it in memory."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: Any) -> Any:
        answer = self._inner.handle_request(request)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=_Stream(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._inner.close()


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
