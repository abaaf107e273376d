"""A model's figures in words: what a person did, and whether it raises or lowers the chance."""

WINDOW_WORDS = {"28": "four weeks", "84": "twelve weeks", "365": "year"}


def factor(name: str, value: float, added: float) -> str:
    """One sentence. `added` is what the figure adds in log-odds, against the average person of the training.

    >>> factor("coupon_orders_28", 3.0, 0.8)
    '3 orders with a coupon in the last four weeks: raises it'
    >>> factor("days_since_coupon", 400.0, -0.4)
    'No coupon used in the last year: lowers it'
    """
    return f"{_figure(name, value)}: {'raises' if added > 0 else 'lowers'} it"


def _figure(name: str, value: float) -> str:
    stem, _, window = name.rpartition("_")
    if window in WINDOW_WORDS:
        lately = f"in the last {WINDOW_WORDS[window]}"
        if stem == "spend":
            return f"{value:,.0f} spent {lately}"
        return f"{_count(value, 'order')}{' with a coupon' * (stem != 'orders')} {lately}"
    if name.startswith("spend in "):
        return f"{value:,.0f} spent on {name.removeprefix('spend in ').lower()} in the last twelve weeks"
    return _OTHERS[name](value)


def _count(value: float, word: str) -> str:
    return f"{value:.0f} {word}{'s' if round(value) != 1 else ''}"


def _ago(value: float, what: str, never: str) -> str:
    return never if value >= 365 else f"{what} {_count(value, 'day')} ago"


_OTHERS = {
    "days_since_order": lambda v: _ago(v, "Last order", "No order in the last year"),
    "days_since_coupon": lambda v: _ago(v, "Last coupon", "No coupon used in the last year"),
    "coupon_discount": lambda v: f"Coupons worth {v:,.2f} used in the last year",
    "discount_share": lambda v: f"{v:.0%} of the full price taken off by discounts",
    "mean_order": lambda v: f"A mean order of {v:,.2f}",
    "coupon_share": lambda v: f"About {v:.0%} of the orders with a coupon",
    "age": lambda v: "Age band, as the platform knows it",
    "income": lambda v: "Income band, as the platform knows it",
    "household_size": lambda v: "Size of the household, as the platform knows it",
    "is_described": lambda v: "Whether the platform knows age, income or household",
}
