"""Segments: the rule builder by plain posts, refusals at their place, and numbers that are kept, not counted."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.exceptions import RuleRefused
from campaigns.forms import rule as rules
from campaigns.models import Segment, Tally
from campaigns.queries.segments import compile_rule
from campaigns.services import segments, tallies
from recommendations.models import Profile
from tests import factories
from tests.campaigns.pages import signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db

NESTED = {
    "all": [
        {"field": "r_score", "op": ">=", "value": 4},
        {"not": {"any": [{"field": "age", "op": "in", "value": ["19-24", "25-34"]},
                         {"field": "monetary", "op": "<", "value": 12.5}]}},
        {"not": {"field": "top_category", "op": "=", "value": "GROCERY"}},
    ]
}  # fmt: skip


def posted(node: rules.Node) -> dict:
    """What a browser would send for this tree."""
    data = {f"{node.path}:kind": "group" if node.is_group else "condition"}
    if node.is_negated:
        data[f"{node.path}:negated"] = "1"
    if node.is_group:
        data[f"{node.path}:joint"] = node.joint
        for part in node.parts:
            data |= posted(part)
    else:
        data |= {f"{node.path}:field": node.name, f"{node.path}:op": node.op, f"{node.path}:value": node.typed}
        data |= {f"{node.path}:choice": node.chosen, f"{node.path}:days": node.days, f"{node.path}:of": node.of}
    return data


def form(rule=None, **fields) -> dict:
    return {"name": "Regulars", "audience_phrase": "our regulars", **posted(rules.from_rule(rule or NESTED)), **fields}


def marketer():
    return signed_in(factories.staff("marketer"))


def test_a_rule_goes_through_the_builder_and_comes_out_the_same():
    answer = marketer().post(reverse("campaigns:segment-new"), form())

    segment = Segment.objects.get()
    assert (answer.status_code, answer.url) == (303, reverse("campaigns:segment", args=[segment.pk]))
    assert segment.rule == NESTED
    assert (segment.slug, segment.audience_phrase, segment.version) == ("regulars", "our regulars", 1)


def test_the_edit_page_shows_the_stored_rule_in_its_fields():
    segment = segments.save_segment(slug="s", name="S", rule=NESTED, audience_phrase="friends")

    page = marketer().get(reverse("campaigns:segment-edit", args=[segment.pk]))

    assert rules.to_rule(page.context["tree"]) == NESTED
    assert page.context["reading"].startswith("people with recency score (5 is most recent) at least 4 and not those (")


def test_saving_a_change_is_a_new_version_and_forgets_the_numbers():
    segment = segments.save_segment(slug="s", name="S", rule=NESTED, audience_phrase="friends")
    segments.count(segment)
    other = {"all": [{"field": "frequency", "op": ">", "value": 3}]}

    marketer().post(reverse("campaigns:segment-edit", args=[segment.pk]), form(other))

    segment.refresh_from_db()
    assert (segment.rule, segment.version, segment.slug) == (other, 2, "s")
    assert (segment.size, segment.reachable, segment.counted_at) == (None, None, None)


@pytest.mark.parametrize(
    ("command", "conditions"),
    [("add:r", 5), ("group:r", 5), ("remove:r-0", 3), ("remove:r-1", 2), ("add:r-1", 5), ("remove:r", 4), ("x:y", 4)],
)
def test_a_button_changes_the_tree_and_keeps_what_was_typed_without_saving(command, conditions):
    page = marketer().post(reverse("campaigns:segment-new"), form(name="Half a na", do=command))

    def leaves(node):
        return sum(leaves(part) for part in node.parts) if node.is_group else 1

    assert page.status_code == 200
    assert leaves(page.context["tree"]) == conditions
    assert 'value="Half a na"' in page.content.decode()
    assert "Please check" not in page.content.decode()
    assert not Segment.objects.exists()


def test_removing_the_last_condition_leaves_an_empty_one():
    page = marketer().post(
        reverse("campaigns:segment-new"),
        form({"all": [{"field": "frequency", "op": ">", "value": 3}]}, do="remove:r-0"),
    )
    (only,) = page.context["tree"].parts
    assert (only.is_group, only.name) == (False, "")


@pytest.mark.parametrize(
    ("field", "value", "path", "words"),
    [
        ("r-0:value", "many", "r-0", "Not a number to compare with. Use a number such as 4"),
        ("r-0:value", "nan", "r-0", "Not a number to compare with."),
        ("r-0:op", "~", "r-0", "Numbers are not compared like this. Use one of >="),
        ("r-0:field", "email", "r-0", "No such field. Use one of: r_score"),
        ("r-1-0:choice", ["100-110"], "r-1-0", "Not one of the choices. Use = or in with: 19-24"),
        ("r-1-1:value", "", "r-1-1", "Not a number to compare with."),
        ("r-2:value", "x" * 121, "r-2", "Not a short text compared by =."),
    ],
)
def test_a_refusal_stands_at_its_condition_with_the_remedy_and_nothing_is_saved(field, value, path, words):
    page = marketer().post(reverse("campaigns:segment-new"), form(**{field: value}))

    assert page.status_code == 400
    assert words in rules.find(page.context["tree"], path).error
    assert words.split(". ")[0] in page.content.decode()
    assert "our regulars" in page.content.decode()
    assert not Segment.objects.exists()


@pytest.mark.parametrize("days", [1e6, -1])
def test_a_number_of_days_beyond_the_calendar_is_refused(days):
    with pytest.raises(RuleRefused, match="Use a number from 0 to 36500"):
        compile_rule({"field": "known_for_days", "op": ">=", "value": days})


def test_a_name_that_stands_already_is_refused_and_the_other_segment_stays():
    segments.save_segment(slug="regulars", name="Regulars", rule=NESTED, audience_phrase="friends")

    page = marketer().post(
        reverse("campaigns:segment-new"), form({"all": [{"field": "frequency", "op": ">", "value": 3}]})
    )

    assert page.status_code == 400
    assert "A segment of this name stands already" in page.content.decode()
    assert Segment.objects.get().rule == NESTED


def test_nesting_without_end_is_answered_by_a_page():
    data = {"name": "Deep", "audience_phrase": "x", "do": "save"}
    path = "r"
    for _ in range(40):
        data |= {f"{path}:kind": "group", f"{path}:joint": "all"}
        path += "-0"
    data |= {f"{path}:kind": "condition"}

    assert marketer().post(reverse("campaigns:segment-new"), data).status_code == 400


def test_count_now_keeps_how_many_people_and_how_many_may_be_written_to():
    open_shop(people=5, consenting=3)
    segment = Segment.objects.get()

    client = marketer()
    client.post(reverse("campaigns:segment-count", args=[segment.pk]))
    page = client.get(reverse("campaigns:segment", args=[segment.pk]))
    assert "A worker counts it now." in page.content.decode()
    assert 'hx-trigger="every 2s"' in page.content.decode()

    segments.refresh()

    segment.refresh_from_db()
    assert (segment.size, segment.reachable, segment.reach) == (5, 3, {"email": 3, "sms": 0, "push": 0})
    page = client.get(reverse("campaigns:segment", args=[segment.pk]), headers={"HX-Request": "true"})
    assert page.content.decode().lstrip().startswith('<div class="stack" id="numbers" aria-live="polite">')


def test_the_list_reads_the_kept_numbers_and_counts_nothing(django_assert_num_queries):
    for number in range(12):
        segments.save_segment(slug=f"s{number}", name=f"S {number}", rule=NESTED, audience_phrase="friends")
    Segment.objects.update(size=1234, reachable=567)
    client = marketer()

    with django_assert_num_queries(5) as done:  # session, user, roles twice, segments
        page = client.get(reverse("campaigns:segments"))

    assert not [query for query in done.captured_queries if "COUNT(" in query["sql"]]
    assert page.content.decode().count("1,234") == 12


def test_the_sample_is_ten_people_and_only_for_whoever_may_see_people(django_assert_num_queries):
    open_shop(people=14)
    segment = Segment.objects.get()
    segments.refresh()
    client = marketer()

    # Session, user, roles twice, segment, its nights, ten people with their profiles, and who uses it: ids of campaigns from
    # all tables together, the campaigns, segments and lists.
    with django_assert_num_queries(11):
        page = client.get(reverse("campaigns:segment", args=[segment.pk]))
    assert len(page.context["people"]) == 10

    nobody = factories.User.objects.create_user("reader", password="x")
    nobody.roles.create(slug="reader", name="Reader", capabilities=["campaign.read"])
    assert signed_in(nobody).get(reverse("campaigns:segment", args=[segment.pk])).context["people"] is None


def test_a_number_that_nobody_has_kept_for_long_says_so():
    open_shop(people=2)
    segments.refresh()
    client, address = marketer(), reverse("campaigns:segment", args=[Segment.objects.get().pk])
    assert "These numbers are not those of now" not in client.get(address).content.decode()

    Segment.objects.update(fresh_at=timezone.now() - timedelta(minutes=11))

    assert "These numbers are not those of now" in client.get(address).content.decode()
    assert "badge-warn" in client.get(reverse("campaigns:segments")).content.decode()


def test_a_rule_is_counted_in_the_background_before_it_is_saved():
    shop = open_shop(people=5, consenting=3)
    client = marketer()
    rule = {"all": [{"field": "f_score", "op": ">=", "value": 1}]}

    page = client.post(reverse("campaigns:segment-new"), form(rule, do="refresh:r"))
    row = page.context["tally"]
    assert (row.state, "A worker counts…" in page.content.decode()) == ("asked", True)
    address = reverse("campaigns:counted", args=[row.pk])
    assert 'hx-trigger="every 1s"' in client.get(address).content.decode()

    for pk in tallies.waiting():
        tallies.answer(pk)

    part = client.get(address)
    assert 'hx-trigger="every 1s"' not in part.content.decode()
    assert [(bar.label, bar.count) for bar in part.context["channels"]] == [
        ("In the segment", 5), ("by e-mail", 3), ("by SMS", 0), ("by push", 0),
    ]  # fmt: skip
    assert {person.pk for person in part.context["sample"]} == {person.pk for person in shop.people}
    assert not Segment.objects.filter(slug="regulars").exists()

    again = client.post(reverse("campaigns:segment-new"), form(rule, do="refresh:r"))
    assert (again.context["tally"].pk, again.context["tally"].state) == (row.pk, "done")
    Tally.objects.update(answered_at=timezone.now() - timedelta(minutes=11))
    old = client.post(reverse("campaigns:segment-new"), form(rule, do="refresh:r"))
    assert (old.context["tally"].state, old.context["size"]) == ("asked", 5)


def test_a_rule_that_is_not_complete_is_not_counted_and_says_what_is_missing():
    rule = {"all": [{"field": "orders_in", "op": ">=", "value": 2, "days": ""}]}
    page = marketer().post(reverse("campaigns:segment-new"), form(rule, do="refresh:r"))

    assert "Not complete yet: Not a number of days. Use a number over 0" in page.content.decode()
    assert not Tally.objects.exists()


@pytest.mark.parametrize("chosen", [0, 1, 6])
def test_an_overlap_of_too_few_or_too_many_is_refused_with_the_remedy(chosen):
    made = [
        segments.save_segment(slug=f"s{number}", name=f"S {number}", rule=NESTED, audience_phrase="friends")
        for number in range(chosen)
    ]
    client = marketer()

    client.post(reverse("campaigns:overlap"), {"segment": [one.pk for one in made]})

    page = client.get(reverse("campaigns:segments"))
    assert "An overlap is of two segments or more. Choose 2 to 5." in page.content.decode()
    assert not Tally.objects.exists()


def test_an_overlap_is_counted_by_a_worker_and_shown_with_every_part():
    shop = open_shop(people=4, consenting=3)
    segments.save_segment(
        slug="yes",
        name="Said yes",
        rule={"field": "consent_email", "op": "in", "value": ["given"]},
        audience_phrase="x",
    )
    segments.refresh()
    client = signed_in(shop.marketer)
    chosen = list(Segment.objects.order_by("pk").values_list("pk", flat=True))

    asked = client.post(reverse("campaigns:overlap"), {"segment": [*chosen, "x", "9" * 30]})
    for pk in tallies.waiting():
        tallies.answer(pk)
    page = client.get(asked.url)

    assert [(row.words, row.people) for row in page.context["parts"]] == [
        ("Regular and Said yes", 3),
        ("only Regular", 1),
    ]
    assert [pair.shares for pair in page.context["pairs"]] == [("–", "75 %"), ("100 %", "–")]
    assert [(one.people, one.share) for one in page.context["slices"]] == [(1, 0.25), (3, 0.75), (0, 0.0)]


def test_who_came_and_who_left_are_listed_for_whoever_may_see_people():
    shop = open_shop(people=3)
    segments.refresh()
    Profile.objects.filter(customer=shop.people[0]).update(f_score=0)
    segments.refresh()
    segment = Segment.objects.get()
    client = signed_in(shop.marketer)

    out = client.get(reverse("campaigns:segment-moves", args=[segment.pk]) + "?way=out")
    assert [person.pk for _, person in out.context["rows"]] == [shop.people[0].pk]
    assert client.get(reverse("campaigns:segment-moves", args=[segment.pk])).context["rows"] == []
    nobody = factories.User.objects.create_user("reader", password="x")
    nobody.roles.create(slug="reader", name="Reader", capabilities=["campaign.read"])
    assert signed_in(nobody).get(reverse("campaigns:segment-moves", args=[segment.pk])).status_code == 403
