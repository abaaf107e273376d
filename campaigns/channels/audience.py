"""Lines of the contact lists that advertising platforms match: normalised, hashed with SHA-256, in their own columns.

Meta, "How to format a customer list when creating a custom audience" (facebook.com/business/help/2082575038703844) and the
hashing rules of the Marketing API (developers.facebook.com, "Customer Information Parameters"): columns email, phone and
country; an address trimmed and lower, a phone as digits with its country code and without leading zeros, a country as its
two letters, lower; each hashed as lower-case hexadecimal.

Google, "Format your customer data file" (support.google.com/google-ads/answer/7659867, 7476159, 7474263): UTF-8 CSV with
the six English headers below, which matching by country wants all of; an address lower and without any space, a phone in
E.164 with its plus, both hashed; country and zip as they are. Names and zip are not known here and stay empty.
"""

import hashlib
from collections.abc import Iterable, Iterator

from campaigns.contracts import AudienceContact

META_HEADER = ("email", "phone", "country")
GOOGLE_HEADER = ("Email", "Phone", "First Name", "Last Name", "Country", "Zip")


def digest(value: str) -> str:
    """SHA-256 in lower-case hexadecimal; "" of nothing, for a hash of nothing would match everybody without an address."""
    return hashlib.sha256(value.encode()).hexdigest() if value else ""


def meta_row(contact: AudienceContact) -> tuple[str, ...]:
    digits = "".join(sign for sign in contact.phone if sign.isascii() and sign.isdigit()).lstrip("0")
    return digest(contact.email.strip().lower()), digest(digits), digest(contact.country.strip().lower())


def google_row(contact: AudienceContact) -> tuple[str, ...]:
    email = "".join(contact.email.lower().split())
    return digest(email), digest("".join(contact.phone.split())), "", "", contact.country.strip().upper(), ""


FORMATS = {"meta": (META_HEADER, meta_row), "google": (GOOGLE_HEADER, google_row)}


def lines(target: str, contacts: Iterable[AudienceContact]) -> Iterator[str]:
    """The file, line by line. No cell can be a formula: each is a hash, two letters of a country, or empty."""
    header, row = FORMATS[target]
    yield ",".join(header) + "\n"
    for contact in contacts:
        yield ",".join(row(contact)) + "\n"
