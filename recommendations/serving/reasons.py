"""Why this product stands here, as a sentence that is true of the data and tells the caller nothing that is not theirs."""

import numpy as np

from recommendations.contracts import ServedProduct
from recommendations.ml.policy import Candidate
from recommendations.queries.lists import ago
from recommendations.serving.steps import Pool

WISHED = "Product Added to Wishlist"
BOUGHT = "Order Completed"


class Reasons:
    """reach: a merchant's own products alone may be named to that merchant: what somebody buys or looks at elsewhere on
    the platform is not the merchant's to know.
    """

    def __init__(self, pool: Pool, facts: dict[int, ServedProduct], *, reach: int | None) -> None:
        self.pool, self.facts, self.reach = pool, facts, reach

    def of(self, one: Candidate) -> tuple[str, str]:
        """(code, sentence)."""
        step = {
            "pinned": self._pinned,
            "own_list": self._own_list,
            "history": self._history,
            "session": self._session,
            "bought_together": self._together,
            "similar": self._similar,
            "segment": self._segment,
            "newcomers": self._newcomer,
            "alike": self._alike,
        }.get(one.source, self._popular)
        return step(one.product_id)

    def _title(self, product_id: int | None) -> str | None:
        product = self.facts.get(product_id) if product_id is not None else None
        if product is None or (self.reach is not None and product.merchant_id != self.reach):
            return None
        return product.title

    def _pinned(self, product_id: int) -> tuple[str, str]:
        return "pinned", "Pinned by the request."

    def _own_list(self, product_id: int) -> tuple[str, str]:
        item = self.pool.own_list[product_id]
        if item.reason_code == "because_you_bought" and self._title(item.reason_product_id) is None:
            return item.reason_code, "Goes with what you bought."
        return item.reason_code, item.reason_text

    def _history(self, product_id: int) -> tuple[str, str]:
        own, index = self.pool.own, self.pool.shelf.items
        place = int(np.searchsorted(own.products, product_id))
        if place < len(own.products) and own.products[place] == product_id:
            times = "once" if own.orders[place] == 1 else f"{own.orders[place]} times"
            return "bought_again", f"Bought {times}, last {ago(float(own.days[place]))}."
        positions = index.positions(own.products)
        known = np.flatnonzero(positions >= 0)
        target = int(index.positions(np.array([product_id]))[0])
        because = index.because(target, positions[known], np.sqrt(own.decayed[known]))
        if because is None:
            return self._popular(product_id)
        bought = known[because]
        title = self._title(int(own.products[bought]))
        text = "Goes with what you bought." if title is None else (
            f"Because you bought {title}, {ago(float(own.days[bought]))}."
        )  # fmt: skip
        return "because_you_bought", text

    def _session(self, product_id: int) -> tuple[str, str]:
        index = self.pool.shelf.items
        positions, amounts = self.pool.near
        target = int(index.positions(np.array([product_id]))[0])
        because = index.because(target, positions, amounts)
        if because is None:
            return self._popular(product_id)
        position = int(positions[because])
        cause = self.pool.looked_at.get(position, int(index.products[position]))
        signal = next(signal for signal in self.pool.signals if signal.product_id == cause)
        title = self._title(cause)
        if title is None:
            return "because_you_viewed", "Goes with what you looked at."
        if cause in self.pool.in_cart:
            return "because_in_cart", f"Because {title} is in your cart."
        if signal.name == BOUGHT:
            return "because_you_bought", f"Because you bought {title}, today."
        if signal.name == WISHED:
            return "because_wished", f"Because {title} is on your wish list."
        return "because_you_viewed", f"Because you looked at {title}."

    def _together(self, product_id: int) -> tuple[str, str]:
        baskets = int(self.pool.said.get(product_id, 0))
        return "bought_together", f"In {baskets} orders together with {self.pool.asked.title}."

    def _similar(self, product_id: int) -> tuple[str, str]:
        return "similar", f"Reads much like {self.pool.asked.title}."

    def _segment(self, product_id: int) -> tuple[str, str]:
        buyers = int(self.pool.said.get(product_id, 0))
        group = (
            f"“{self.pool.segment.name}”" if self.pool.segment and self.pool.segment.name else "people who buy alike"
        )
        return "popular_in_segment", f"{buyers} of {group} bought it in two weeks."

    def _newcomer(self, product_id: int) -> tuple[str, str]:
        known = self.pool.like[product_id]
        title = self._title(known)
        if title is None:
            return "like_known", "Few know it yet; it is like what you buy or look at."
        own = self.pool.own
        is_own = own is not None and known in own.products
        return "like_known", f"Few know it yet; it is like {title}{', which you buy' if is_own else ''}."

    def _alike(self, product_id: int) -> tuple[str, str]:
        # Which age, income or household is the person's to say, not the shop's to hear.
        return "popular_with_alike", "Bought by people who told the same of themselves as you."

    def _popular(self, product_id: int) -> tuple[str, str]:
        buyers = int(self.pool.said.get(product_id, 0))
        index = self.pool.shelf.items if self.pool.shelf else None
        if not buyers and index is not None:
            place = int(index.positions(np.array([product_id]))[0])
            buyers = int(index.buyers[place]) if place >= 0 else 0
        if not buyers:
            return "popular_now", "Liked by many customers over the year."
        return "popular_now", f"Popular now: {buyers} customers bought it in two weeks."
