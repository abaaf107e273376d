"""Tells merchants and reports about groups of people with noise, once a state of the data, within a budget.

Each (dataset, quarter) has a cap. Whoever asks something new holds that dataset's lock from reading what was spent to the
commit that spends more, so parallel requests cannot pass it together. The answer and its cost are one transaction.
"""

import hashlib
import json
from collections.abc import Callable, Mapping

from django.db import connection, transaction
from django.utils import timezone

from customers.contracts import GroupAnswer, GroupFigure, GroupQuestion
from customers.exceptions import BudgetSpent
from customers.models import PrivacyBudget, PrivateAnswer
from customers.privacy import Loss, compose, expected_error, fits, is_shown, quarter, quarter_ends, with_noise
from customers.queries.budget import CAP, spent

LOCK_CLASS = 0x62756467  # "budg"
MECHANISM = "discrete Laplace (OpenDP)"
Exact = Mapping[str, Mapping[str, int]]


def ask(question: GroupQuestion, exact: Callable[[], Exact], *, actor_id: int | None) -> GroupAnswer:
    """The noisy answer: the one given before for this state of the data, or a new one at its price.

    `exact` gives the true figures by part and name, each person's share held to the part's cap; it is called only when
    the answer is new. Raises BudgetSpent when the price does not fit.
    """
    digest = _digest(question)
    known = _known(digest, question)
    if known is not None:
        return known
    now = timezone.now()
    window = quarter(now)
    with transaction.atomic():
        _lock(question.dataset, window)
        known = _known(digest, question)  # somebody asked the same while this one waited
        if known is not None:
            return known
        price = compose(Loss(part.epsilon) for part in question.parts)
        if not fits(CAP, spent(question.dataset, window), price):
            raise BudgetSpent(question.dataset, window, quarter_ends(now))
        figures = _noisy(question, exact())
        cost = PrivacyBudget.objects.create(
            dataset=question.dataset, window=window, unit=question.unit, mechanism=MECHANISM, epsilon=price.epsilon,
            delta=price.delta, query_digest=digest, actor_id=actor_id,
        )  # fmt: skip
        kept = PrivateAnswer.objects.create(
            query_digest=digest, data_version=question.data_version, question=question.text, figures=figures, cost=cost
        )
        kept.refresh_from_db()
    return _answer(question, kept, is_repeated=False)


def spend(dataset: str, purpose: str, *, unit: str, mechanism: str, epsilon: float, delta: float) -> None:
    """Takes the price of something that is no answer from a budget: of a model that is trained under differential privacy.

    Before it is made: what was spent on a training that then fails stays spent, for somebody may have seen it. Raises
    BudgetSpent when the price does not fit.
    """
    now = timezone.now()
    window = quarter(now)
    with transaction.atomic():
        _lock(dataset, window)
        price = Loss(epsilon, delta)
        if not fits(CAP, spent(dataset, window), price):
            raise BudgetSpent(dataset, window, quarter_ends(now))
        PrivacyBudget.objects.create(
            dataset=dataset, window=window, unit=unit, mechanism=mechanism, epsilon=epsilon, delta=delta,
            query_digest=hashlib.sha256(f"{dataset}, {purpose}".encode()).digest(),
        )  # fmt: skip


def _lock(dataset: str, window: str) -> None:
    """Holds this budget until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS, f"{dataset} {window}"])


def _noisy(question: GroupQuestion, exact: Exact) -> dict[str, dict[str, int]]:
    figures = {}
    for part in question.parts:
        names = list(exact[part.name])
        values = with_noise([exact[part.name][name] for name in names], cap=part.cap, epsilon=part.epsilon)
        figures[part.name] = dict(zip(names, values, strict=True))
    return figures


def _known(digest: bytes, question: GroupQuestion) -> GroupAnswer | None:
    rows = PrivateAnswer.objects.select_related("cost")
    row = rows.filter(query_digest=digest, data_version=question.data_version).first()
    return None if row is None else _answer(question, row, is_repeated=True)


def _answer(question: GroupQuestion, row: PrivateAnswer, *, is_repeated: bool) -> GroupAnswer:
    figures = {}
    for part in question.parts:
        error = expected_error(part.cap, part.epsilon)
        figures[part.name] = {
            name: GroupFigure(value if is_shown(value, error) else None, error)
            for name, value in row.figures[part.name].items()
        }
    return GroupAnswer(figures, row.at, row.cost.epsilon, row.cost.delta, row.cost.mechanism, is_repeated)


def _digest(question: GroupQuestion) -> bytes:
    parts = [[part.name, part.cap, part.epsilon] for part in question.parts]
    text = json.dumps([question.dataset, question.unit, question.text, parts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()
