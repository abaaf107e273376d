"""What the database keeps as one English word is shown in the reader's language, and nobody's own words are touched."""

from django.template import Context, Template
from django.utils.translation import override

SHOWN = Template("{{ state|word|capfirst }}")


def test_a_state_is_shown_in_the_language_of_the_page():
    with override("zh-hans"):
        assert SHOWN.render(Context({"state": "in_review"})) == "待审核"
    with override("en"):
        assert SHOWN.render(Context({"state": "in_review"})) == "In review"


def test_a_word_that_the_catalogue_does_not_know_stands_as_it_is():
    with override("zh-hans"):
        assert SHOWN.render(Context({"state": "Loyal, high spend"})) == "Loyal, high spend"
        assert SHOWN.render(Context({"state": None})) == ""
