"""What the tuned model says of its own is taken where the bank attests it, and good parts are put together."""

from copywriting.contracts import DraftCopy
from copywriting.llm import joining, sense
from copywriting.llm.writer import write
from tests.copywriting.llm.briefs import brief

COFFEE = sense.Place("coffee", "regular", "email")
CALL = "Pick up {product} with {offer} until {end}."


def test_a_phrase_that_is_true_here_is_taken_and_not_elsewhere():
    assert sense.attested("The kettle is on and the mug is waiting.", COFFEE)
    assert not sense.attested("The kettle is on and the mug is waiting.", sense.Place("snacks", "regular", "email"))


def test_halves_that_do_not_belong_together_are_refused():
    assert not sense.attested("A cup and a wait are equal.", COFFEE)
    assert not sense.attested("Your mug is a good find, so the list sings.", COFFEE)


def test_a_call_of_its_own_is_taken_when_every_joint_is_known_and_a_telegram_is_not():
    assert sense.attested("Shop {product} and enjoy {offer} until {end}.", COFFEE)
    assert not sense.attested("Add {product}.", COFFEE)
    assert not sense.attested("Take {offer} on {product} and get {code} through {end}.", COFFEE)


def test_a_finding_names_the_sentence():
    body = f"A cup and a wait are equal. {CALL}"

    (finding,) = sense.findings(
        DraftCopy(subject="Keep your week simple", body=body, writer="model"), brief(product_class="coffee")
    )

    assert (finding.rule, body[slice(*finding.span)]) == ("odd", "A cup and a wait are equal.")


def test_good_parts_of_several_candidates_make_one_text_and_can_be_put_together_again():
    texts = [
        f"Subject: Keep your week simple\nBody: A fridge and a wait are equal. {CALL}",
        f"Subject: Another wait of your\nBody: A full fridge is good news at breakfast. {CALL}",
    ]

    draft, stats = write(brief(), lambda *_: texts, n=2, max_tries=1, sense=sense.findings)

    assert (draft.writer, draft.subject) == ("model", "Keep your week simple")
    assert draft.body == f"A full fridge is good news at breakfast. {CALL}"
    assert draft.provenance["joined"] == [0, 1, 0]
    assert joining.put(texts, draft.provenance["joined"], brief()) == (draft.subject, draft.body)
    assert (stats.passed, stats.templates) == (0, 0)
