"""Everything that pages and code say stands in the Chinese catalogue, and pages speak the language that was chosen."""

import pytest
from django.test import Client
from django.urls import reverse

from config.management.commands import translations
from tests import factories


def test_everything_is_translated_and_keeps_its_placeholders():
    assert translations.faults(translations.read()) == []


def test_the_compiled_catalogue_is_made_of_this_one():
    assert translations.catalogue().with_suffix(".mo").read_bytes() == translations.compiled(translations.read())


@pytest.mark.django_db
def test_a_browser_is_answered_in_its_language_and_a_choice_outlives_the_visit():
    client = Client(headers={"accept-language": "zh-CN,zh;q=0.9"})
    client.force_login(factories.staff("marketer"))
    assert '<html lang="zh-hans"' in client.get(reverse("campaigns:home")).content.decode()

    answer = client.post(reverse("accounts:language"), {"language": "en", "next": reverse("campaigns:list")})
    assert answer.headers["Location"] == reverse("campaigns:list")
    assert '<html lang="en"' in client.get(reverse("campaigns:home")).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_choice_of_a_language_leads_to_no_other_site(elsewhere):
    answer = Client().post(reverse("accounts:language"), {"language": "zh-hans", "next": elsewhere})

    assert answer.headers["Location"] == "/"


@pytest.mark.django_db
def test_programs_are_answered_in_english():
    answer = Client(headers={"accept-language": "zh-CN"}).get("/api/v1/products/")

    assert answer.status_code == 401
    assert answer.json()["title"].isascii()
