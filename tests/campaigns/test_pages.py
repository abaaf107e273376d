"""Home, the list, a campaign's own page, the monitor and the evidence: what they say, and what they cost."""

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Message
from campaigns.services import approval, compose, delivery
from campaigns.services.lifecycle import move
from campaigns.tasks import sweep_generation
from registry.services import ask, beat, claim
from tests import factories
from tests.campaigns.pages import again, shop_in_review, shop_sending, shop_sent, signed_in
from tests.flows.shop import open_shop

pytestmark = pytest.mark.django_db


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


# --- home


def test_home_shows_an_approver_what_waits_and_never_their_own_work():
    shop = shop_in_review(people=2)
    own = compose.create(compose.Plan(name="My own work", segment_ids=()), actor=shop.approver)
    Campaign.objects.filter(pk=own.pk).update(state="in_review")

    page = text_of(signed_in(shop.approver).get("/"))

    assert "1 thing to do" in page
    assert reverse("campaigns:review", args=[shop.campaign.pk]) in page
    assert "My own work" not in page


def test_home_tells_a_marketer_why_a_campaign_came_back():
    shop = shop_in_review(people=2)
    approval.send_back(shop.campaign.pk, actor=shop.approver, reason="Name the end of the offer.")

    page = text_of(signed_in(shop.marketer).get("/"))

    assert "Came back to you" in page
    assert "Name the end of the offer." in page


def test_home_shows_messages_that_failed_to_whoever_reads_campaigns():
    shop = shop_sending(people=3)
    Message.objects.filter(customer=shop.people[0]).update(state="failed", reason="address_refused")

    assert "1 failed, 0 unknown of 3" in text_of(signed_in(factories.staff("officer")).get("/"))


def test_home_before_anything_happened_says_so():
    page = text_of(signed_in(factories.staff("marketer")).get("/"))

    assert "Nothing waits for you" in page
    assert "No send has ended yet." in page
    assert "Nothing is scheduled or being sent." in page


def test_home_costs_the_same_for_one_campaign_and_for_many(django_assert_max_num_queries):
    shop = shop_sent(people=3, holdout_share=0.3)
    for number in range(8):
        row = compose.create(compose.Plan(name=f"More {number}", segment_ids=()), actor=shop.marketer)
        Campaign.objects.filter(pk=row.pk).update(state="sending", started_at=timezone.now())
    client = signed_in(shop.marketer)

    with django_assert_max_num_queries(24):
        assert client.get("/").status_code == 200


# --- the list


def test_the_list_goes_on_below_the_last_row_without_a_count(django_assert_num_queries):
    marketer = factories.staff("marketer")
    for number in range(30):
        compose.create(compose.Plan(name=f"Campaign number {number}.", segment_ids=()), actor=marketer)
    client = signed_in(marketer)

    with django_assert_num_queries(
        6
    ) as done:  # session, user, roles (twice: rights and their names), campaigns, remarks
        first = client.get(reverse("campaigns:list"))
    second = client.get(reverse("campaigns:list") + first.context["next_url"])

    assert not [query for query in done.captured_queries if "COUNT(" in query["sql"]]
    assert [len(first.context["campaigns"]), len(second.context["campaigns"])] == [25, 5]
    assert second.context["next_url"] == ""
    assert second.context["campaigns"][0].name == "Campaign number 4."


@pytest.mark.parametrize("before", ["", "x", "-1", "0", "99999999999999999999", "٣"])
def test_the_list_shows_the_beginning_or_nothing_for_a_strange_place(before):
    client = signed_in(factories.staff("marketer"))
    assert client.get(reverse("campaigns:list"), {"before": before}).status_code == 200


# --- a campaign


def test_a_campaign_shows_who_did_what():
    shop = shop_in_review(people=2)

    page = text_of(signed_in(shop.marketer).get(reverse("campaigns:detail", args=[shop.campaign.pk])))

    for words in ("Drafts asked for", "Drafts made", "Approved", "Released", "Approval expired", "for another look"):
        assert words in page
    assert shop.marketer.username in page


def test_a_draft_says_what_is_missing_before_the_drafts():
    marketer = factories.staff("marketer")
    draft = compose.create(compose.Plan(name="Empty", segment_ids=()), actor=marketer)

    page = text_of(signed_in(marketer).get(reverse("campaigns:detail", args=[draft.pk])))

    assert "No segment is chosen: choose at least one." in page


def test_asking_for_drafts_of_an_unfinished_plan_changes_nothing_and_says_why():
    marketer = factories.staff("marketer")
    draft = compose.create(compose.Plan(name="Empty", segment_ids=()), actor=marketer)

    answer = signed_in(marketer).post(reverse("campaigns:drafts", args=[draft.pk]), follow=True)

    assert "No segment is chosen: choose at least one." in text_of(answer)
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_asking_for_drafts_leaves_the_campaign_generating_and_redirects_with_303():
    shop = open_shop(people=2)
    move(shop.campaign.pk, "edit")

    answer = signed_in(shop.marketer).post(reverse("campaigns:drafts", args=[shop.campaign.pk]))

    assert answer.status_code == 303
    assert again(shop).campaign.state == "generating"


def test_when_the_broker_is_away_the_step_is_taken_all_the_same(monkeypatch):
    shop = open_shop(people=2)
    move(shop.campaign.pk, "edit")

    def away():
        raise sweep_generation.OperationalError("connection refused")

    monkeypatch.setattr(sweep_generation, "delay_on_commit", away)

    answer = signed_in(shop.marketer).post(reverse("campaigns:drafts", args=[shop.campaign.pk]))

    assert (answer.status_code, again(shop).campaign.state) == (303, "generating")


def test_the_progress_of_the_drafts_is_a_fragment_that_reloads_the_page_at_the_end():
    shop = open_shop(people=2)
    move(shop.campaign.pk, "edit")
    move(shop.campaign.pk, "generate")
    lease = claim(ask("copy", {"campaign": shop.campaign.pk}).pk)
    beat(lease, "writing", 0.4)
    client, address = signed_in(shop.marketer), reverse("campaigns:writing", args=[shop.campaign.pk])

    going = client.get(address)
    move(shop.campaign.pk, "drafted")
    done = client.get(address)

    assert 'value="0.400"' in text_of(going)
    assert "<html" not in text_of(going)
    assert "HX-Refresh" not in going
    assert done["HX-Refresh"] == "true"


def test_a_released_campaign_without_a_set_time_is_due_at_once():
    shop = open_shop(people=2)
    move(shop.campaign.pk, "unschedule")

    answer = signed_in(shop.marketer).post(reverse("campaigns:schedule", args=[shop.campaign.pk]))

    assert (answer.status_code, again(shop).campaign.state) == (303, "scheduled")


def test_a_release_can_be_taken_back_and_the_approval_stands():
    shop = open_shop(people=2)

    signed_in(shop.marketer).post(reverse("campaigns:unschedule", args=[shop.campaign.pk]))

    assert again(shop).campaign.state == "approved"


def test_a_campaign_is_cancelled_with_a_reason_only():
    shop = shop_sending(people=3)
    client, address = signed_in(shop.approver), reverse("campaigns:cancel", args=[shop.campaign.pk])

    without = client.post(address, {"cancel-reason": " "}, follow=True)
    assert "Say why it is stopped for good" in text_of(without)
    assert again(shop).campaign.state == "sending"

    done = client.post(address, {"cancel-reason": "wrong price"}, follow=True)
    assert "3 queued messages will not be sent" in text_of(done)
    assert again(shop).campaign.state == "cancelled"
    assert set(Message.objects.values_list("state", "reason")) == {("skipped", "cancelled")}


def test_a_step_that_is_not_possible_says_what_is():
    shop = shop_in_review(people=2)

    answer = signed_in(shop.marketer).post(reverse("campaigns:schedule", args=[shop.campaign.pk]), follow=True)

    assert "A campaign that is in review cannot take the step schedule." in text_of(answer)
    assert "Possible now:" in text_of(answer)


# --- the monitor


def test_the_monitor_says_what_a_pause_and_a_stop_will_do():
    shop = shop_sending(people=4)
    Message.objects.filter(customer=shop.people[0]).update(state="sent", sent_at=timezone.now())

    page = text_of(signed_in(shop.marketer).get(reverse("campaigns:monitor", args=[shop.campaign.pk])))

    assert "1 of 4 settled" in page
    assert "3 queued messages wait." in page
    assert "3 queued messages will never be sent. 1 that are out stay out" in page


def test_a_pause_needs_a_reason_and_a_resume_goes_on():
    shop = shop_sending(people=2)
    client = signed_in(shop.marketer)
    pause = reverse("campaigns:pause", args=[shop.campaign.pk])

    client.post(pause, {"pause-reason": ""})
    assert again(shop).campaign.state == "sending"
    client.post(pause, {"pause-reason": "a typing error"})
    assert (again(shop).campaign.state, shop.campaign.note) == ("paused", "a typing error")
    client.post(reverse("campaigns:resume", args=[shop.campaign.pk]))
    assert again(shop).campaign.state == "sending"


def test_an_officer_may_halt_a_send_but_not_go_on_with_it():
    shop = shop_sending(people=2)
    officer = signed_in(factories.staff("officer"))

    officer.post(reverse("campaigns:pause", args=[shop.campaign.pk]), {"pause-reason": "a complaint"})
    refused = officer.post(reverse("campaigns:resume", args=[shop.campaign.pk]))

    assert (refused.status_code, again(shop).campaign.state) == (403, "paused")


def test_messages_with_an_unknown_outcome_are_listed_by_customer_without_an_address():
    shop = shop_sending(people=2)
    lost = shop.people[1]
    Message.objects.filter(customer=lost).update(state="unknown", reason="worker_lost", attempted_at=timezone.now())

    page = text_of(signed_in(shop.marketer).get(reverse("campaigns:monitor", args=[shop.campaign.pk])))

    assert "Unknown: may have gone out" in page
    assert f"<td>{lost.external_id}</td>" in page
    assert "example.invalid" not in page


def test_the_progress_of_a_send_reloads_the_page_when_its_state_changes():
    shop = shop_sending(people=2)
    client, address = signed_in(shop.marketer), reverse("campaigns:sending", args=[shop.campaign.pk])

    assert "HX-Refresh" not in client.get(address, {"was": "sending"})
    move(shop.campaign.pk, "pause")
    assert client.get(address, {"was": "sending"})["HX-Refresh"] == "true"


def test_the_recipient_log_is_paged_by_row_and_filtered_by_state(django_assert_num_queries):
    shop = shop_sending(people=60)
    Message.objects.filter(customer__in=shop.people[:2]).update(state="failed", reason="address_refused")
    client, address = signed_in(shop.marketer), reverse("campaigns:recipients", args=[shop.campaign.pk])

    with django_assert_num_queries(8):  # roles twice; campaign, steps, messages, exports
        first = client.get(address)
    second = client.get(address + first.context["next_url"])
    failed = client.get(address, {"state": "failed"})

    assert [len(page.context["rows"]) for page in (first, second, failed)] == [50, 10, 2]
    assert "the mail server refused the address" in text_of(failed)
    assert "example.invalid" not in text_of(first)


# --- evidence


def test_the_evidence_names_the_approver_the_digest_and_the_gate():
    shop = open_shop(people=3, consenting=2)
    digest = shop.campaign.approvals.get().digest
    delivery.start(shop.campaign.pk)

    page = text_of(signed_in(factories.staff("officer")).get(reverse("campaigns:evidence", args=[shop.campaign.pk])))

    assert f"Approved by {shop.approver.username}" in page
    assert digest in page
    assert "no consent for this channel" in page
    assert "{{ product.title }} again?" in page
    assert f"campaign:{shop.campaign.pk}" in page
