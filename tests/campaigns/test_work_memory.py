"""How much memory a statement that asks everybody may take: by the machine, or as somebody set it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import SegmentMember
from campaigns.services import membership
from campaigns.services.segments import save_segment
from config.settings import environment
from tests import factories

RULE = {"not": {"field": "viewed", "op": ">", "value": 0, "days": 14}}


def shown() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW work_mem")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_rebuild_takes_what_was_set(settings):
    settings.WORK_MEM_MB = 77
    person = factories.customer()
    segment = save_segment(slug="quiet", name="Quiet", rule=RULE, audience_phrase="you")

    membership.rebuild(segment.pk)

    assert shown() == "77MB"
    assert SegmentMember.objects.get().customer_id == person.pk


@pytest.mark.django_db
def test_a_refresh_of_few_people_asks_for_no_more_than_any_statement():
    segment = save_segment(slug="quiet", name="Quiet", rule=RULE, audience_phrase="you")
    membership.rebuild(segment.pk)

    with CaptureQueriesContext(connection) as asked:
        membership.refresh()

    assert not [query for query in asked.captured_queries if "work_mem" in query["sql"]]


def test_the_machine_is_asked_and_the_container_bounds_it(monkeypatch):
    monkeypatch.setattr(environment.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1 << 20}.get)
    monkeypatch.setattr(environment.Path, "read_text", lambda self, **_: "max\n")
    assert environment.memory_mb() == 4096

    monkeypatch.setattr(environment.Path, "read_text", lambda self, **_: f"{1 << 30}\n")
    assert environment.memory_mb() == 1024
