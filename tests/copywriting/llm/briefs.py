"""A brief that the tests of this folder vary."""

from datetime import date

from copywriting.contracts import CopyBrief


def brief(**changed) -> CopyBrief:
    facts = {
        "product": "White Milk",
        "product_class": "dairy",
        "store": "Attune Market",
        "segment": "regular",
        "audience": "people who come in every week",
        "offer": "15% off",
        "ends_on": date(2026, 12, 5),
        "seed": 7,
    }
    return CopyBrief(**{**facts, **changed})
