"""Languages are told apart, opinions come out by aspect with the place of their words, and what is not English is left alone."""

import pytest

from recommendations.ml.sentiment import language, opinions


@pytest.mark.parametrize(
    ("text", "code"),
    [("This is not very good", "en"), ("Das ist sehr gut und ich mag es", "de"), ("C'est très bon pour le prix", "fr"),
     ("No es muy bueno pero está bien", "es"), ("质量很好", "zh"), ("とても良い品質", "ja"), ("Очень хорошо", "ru"),
     ("품질이 좋아요", "ko"), ("12345", "")],
)  # fmt: skip
def test_languages(text, code):
    assert language(text) == code


def test_an_opinion_by_clause_with_the_words_it_stands_in():
    text = "Great taste, but the delivery was terribly late. I love it!"
    found = [(o.aspect, o.polarity > 0, text[o.start : o.end]) for o in opinions(text)]
    assert found == [
        ("taste", True, "Great taste"),
        ("delivery", False, "but the delivery was terribly late."),
        ("overall", True, "I love it!"),
    ]


def test_a_negation_turns_it_and_a_plain_statement_says_nothing():
    assert [(o.aspect, o.polarity < 0) for o in opinions("The price is not good.")] == [("price", True)]
    assert opinions("It came on Tuesday.") == []
