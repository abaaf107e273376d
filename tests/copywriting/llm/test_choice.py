"""Which drafts are kept: each unlike the others in words, and unlike what was said before in meaning."""

from copywriting.contracts import MODEL, DraftCopy
from copywriting.llm import meaning, rank
from tests.copywriting.llm.briefs import brief

CALL = "Enjoy {product} with {offer} until {end}."


def draft(subject: str, hook: str) -> DraftCopy:
    return DraftCopy(subject=subject, body=f"{hook} {CALL}", writer=MODEL)


FRIDGE = draft("One for your week", "The fridge is full again and breakfast is close at hand.")
FRIDGE_TOO = draft("One for your week", "The fridge is full again and breakfast is close.")
LIST = draft("Keep this list short", "You know the way, so we will be brief.")
MORNING = draft("A calm routine", "Set out the bowls and let the morning come.")


def test_two_drafts_of_the_same_words_are_one():
    kept = rank.distinct([FRIDGE, FRIDGE_TOO, LIST, MORNING], brief())

    assert len(kept) == 3
    assert LIST in kept and MORNING in kept


def test_no_more_than_asked_are_kept():
    assert len(rank.distinct([FRIDGE, LIST, MORNING], brief(), most=2)) == 2


def test_what_was_said_before_in_other_words_comes_last():
    said = [draft("Your cold shelf", "A refrigerator with everything in it makes the first meal of the day easy.")]

    by_words = rank.distinct([FRIDGE, LIST], brief(), said)
    by_meaning = rank.distinct([FRIDGE, LIST], brief(), said, similar=meaning.similarities)

    assert by_words[0] == FRIDGE
    assert by_meaning[0] == LIST


def test_meaning_knows_a_paraphrase_from_another_matter():
    near, far = meaning.similarities(
        ["The kettle is on and your mug waits."], ["Hot water is ready for a cup.", "The dog wags its tail."]
    )[0]

    assert near > far + 0.2


def test_short_words_and_sentences_read_more_easily():
    hard = "Notwithstanding organisational considerations, appreciation characterises our communications."

    assert rank.ease("You know the way. It is your week.") > 0.9
    assert rank.ease(hard) < 0.2
    assert rank.ease("") == 0.0


def test_of_two_drafts_the_one_whose_words_nobody_has_said_comes_first():
    said = [draft("A calm routine", "Set out the bowls."), draft("For the week", "Let the morning come.")]
    stale = draft("A calm routine", "Let the morning come.")  # like neither of the two, and half of each
    fresh = draft("A plan for you", "Open the door and the day will follow.")

    assert rank.order([stale, fresh], brief(segment="a-segment-of-the-shops-own"), said)[0] == fresh
