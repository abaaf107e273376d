"""What a language model is told, and how its answer is read."""

import re
import subprocess
import sys

import pytest

from copywriting.contracts import CopyBrief
from copywriting.exceptions import BriefInvalid
from copywriting.llm import prompts
from tests.copywriting.llm.briefs import brief


@pytest.mark.parametrize("version", prompts.PROMPTS)
def test_a_prompt_holds_no_fact_and_no_segment_name(version):
    prompt = prompts.PROMPTS[version]
    asked = brief(segment="small_households_in_debt", price="$2.49", code="SAVE20")
    told = str([*prompts.shared_messages(prompt, ("product", "offer", "end")), prompts.brief_message(prompt, asked)])

    assert not re.search(r"\d|\$|%|White Milk|small|debt|SAVE", told)
    assert "people who come in every week" in told
    assert "dairy" in told


def test_examples_show_the_slots_of_the_brief_and_no_other():
    shown = str(prompts.shared_messages(prompts.PROMPTS["few-shot-1"], ("product",)))

    assert "Enjoy {product}." in shown
    assert "{offer}" not in shown
    assert "{end}" not in shown


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("Subject: Hello you\nBody: Enjoy it.", ("Hello you", "Enjoy it.")),
        ("  Subject:  Hello   you \nBody:  Enjoy\nit. ", ("Hello you", "Enjoy it.")),
        ("Subject: Hello you", ("Hello you", "")),
        ("Sure! Here is a mail", ("Sure! Here is a mail", "")),
        ("", ("", "")),
    ],
)
def test_an_answer_is_read_and_not_repaired(raw, read):
    assert prompts.parse(raw) == read


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"channel": "fax"}, "channel 'fax'; choose one of email, push, sms"),
        ({"locale": "fr"}, "locale 'fr'; choose one of en"),
        ({"product": " "}, "needs a product"),
        ({"audience": ""}, "needs a audience"),
    ],
)
def test_a_brief_that_nobody_can_answer_is_refused(changed, reason):
    with pytest.raises(BriefInvalid, match=reason):
        brief(**changed)


def test_a_brief_without_a_price_or_an_offer_is_a_brief():
    bare = CopyBrief(product="Ice", product_class="frozen", store="S", segment="new", audience="newcomers", seed=1)

    assert (bare.price, bare.offer, bare.channel) == ("", "", "email")


def test_only_the_model_itself_needs_torch():
    code = "import sys; from copywriting.llm import writer; print(sorted({'torch', 'transformers', 'django'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
