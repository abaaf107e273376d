"""Proof of what was shown: the wordings of the packs and the forms around them, each kept for good under its digest."""

import hashlib

from customers.models import NoticeForm
from customers.queries.packs import Wording
from customers.services.consent import publish_notice


def publish(wording: Wording) -> str:
    """Publishes the wording of a pack, once; returns its version. Raises NoticeChanged when the pack changed a word."""
    publish_notice(wording.version, wording.language, wording.text)
    return wording.version


def keep_form(html: str) -> bytes:
    """Keeps a form as it was rendered and returns its SHA-256. It must hold nobody's data. The same again changes nothing."""
    digest = hashlib.sha256(html.encode()).digest()
    NoticeForm.objects.bulk_create([NoticeForm(sha256=digest, html=html)], ignore_conflicts=True)
    return digest
