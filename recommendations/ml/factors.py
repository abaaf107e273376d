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
    if name in _OF_COUPONS:
        return _OF_COUPONS[name](value)
    stem, _, window = name.rpartition("_")
    if window in WINDOW_WORDS and stem in ("spend", "orders", "coupon_orders"):
        lately = f"in the last {WINDOW_WORDS[window]}"
        if stem == "spend":
            return f"{value:,.0f} spent {lately}"
        return f"{_count(value, 'order')}{' with a coupon' * (stem != 'orders')} {lately}"
    if name.startswith("spend in "):
        return f"{value:,.0f} spent on {name.removeprefix('spend in ').lower()} in the last twelve weeks"
    if name in _OTHERS:
        return _OTHERS[name](value)
    return f"{name.replace('_', ' ').capitalize()}: {value:,.2f}"


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
# Of `ml.redemption`: what a household did before a campaign, and how far its coupons are for what it buys.
_OF_COUPONS = {
    "days_since_trip": lambda v: _ago(v, "Last order", "No order in the last year"),
    "days_since_first": lambda v: f"First order {_count(v, 'day')} ago",
    "days_since_overlap": lambda v: _ago(
        v, "A product of the coupons last bought", "No product of the coupons ever bought"
    ),
    "days_since_redemption": lambda v: _ago(v, "Last coupon of a campaign used", "No coupon of a campaign used so far"),
    "redeemed_campaigns": lambda v: f"Used coupons of {_count(v, 'campaign')}",
    "redeemed_rate": lambda v: f"About {v:.0%} of the campaigns received were used",
    "redeemed_rate_a": lambda v: f"About {v:.0%} of the picked campaigns received were used",
    "redeemed_a": lambda v: f"Used {_count(v, 'campaign')} of picked coupons",
    "redeemed_90": lambda v: f"{_count(v, 'coupon campaign')} used in the last 90 days",
    "received": lambda v: f"Received {_count(v, 'campaign')} with coupons",
    "received_a": lambda v: f"Received {_count(v, 'campaign')} of picked coupons",
    "received_other": lambda v: f"Received {_count(v, 'campaign')} with the same coupons for all",
    "running": lambda v: f"{_count(v, 'other campaign')} running now",
    "trips": lambda v: f"{_count(v, 'order')} in the last year",
    "coupon_trips": lambda v: f"{_count(v, 'order')} with a coupon in the last year",
    "coupon_trips_28": lambda v: f"{_count(v, 'order')} with a coupon in the last four weeks",
    "coupon_trips_84": lambda v: f"{_count(v, 'order')} with a coupon in the last twelve weeks",
    "coupon_trip_share": lambda v: f"About {v:.0%} of the orders with a coupon",
    "overlap_coupons": lambda v: f"{_count(v, 'coupon')} for something they bought before",
    "overlap_share": lambda v: f"{v:.0%} of the coupons are for something they bought before",
    "overlap_products": lambda v: f"{_count(v, 'product')} of the coupons bought before",
    "overlap_with_coupon": lambda v: f"Products of the coupons in {_count(v, 'line')} of orders with a coupon",
    "coupons_expected": lambda v: f"{v:.1f} of the coupons are for what they would buy while it runs",
    "coupons_expected_16": lambda v: f"{v:.1f} of the 16 likeliest coupons are for what they would buy while it runs",
    "type_lines": lambda v: f"{_count(v, 'line')} of the coupons' product types bought",
    "type_types": lambda v: f"{_count(v, 'product type')} of the coupons bought before",
    "types": lambda v: f"{_count(v, 'product type')} bought",
    "distinct_products": lambda v: f"{_count(v, 'different product')} bought",
    "private_share": lambda v: f"{v:.0%} of what they buy is the store's own brand",
    "retail_share": lambda v: f"{v:.0%} of the full price taken off by discounts",
    "lines_produce": lambda v: f"{_count(v, 'line')} of fruit and vegetables bought",
    "lines_grocery": lambda v: f"{_count(v, 'line')} of groceries bought",
    "lines_drug": lambda v: f"{_count(v, 'line')} of drugstore goods bought",
    "variety": lambda v: f"{v:.0%} of what they bought they bought once or rarely",
    "type_lately": lambda v: f"The coupons' product types bought {v:.0f} times, of late counting most",
    "type_with_coupon": lambda v: f"The coupons' product types in {_count(v, 'line')} of orders with a coupon",
    "days_lately": lambda v: f"Shopped on {_count(v, 'day')} of the last eight weeks",
    "coupon_lines_lately": lambda v: f"{_count(v, 'line')} of orders with a coupon, of late counting most",
    "coupon_weeks": lambda v: f"{_count(v, 'week')} with a coupon",
    "spend": lambda v: f"{v:,.2f} spent in the last year",
    "spend_rate": lambda v: f"{7 * v:,.2f} spent a week",
    "trips_84": lambda v: f"{_count(v, 'order')} in the last twelve weeks",
    "trip_rate": lambda v: f"{7 * v:.1f} orders a week",
    "overlap_trips": lambda v: f"Products of the coupons in {_count(v, 'order')}",
    "redeemed_days": lambda v: f"Coupons of campaigns used on {_count(v, 'day')}",
    "basket": lambda v: f"A mean order of {v:,.2f}",
    "trips_28": lambda v: f"{_count(v, 'order')} in the last four weeks",
    "stores": lambda v: f"Shopped in {_count(v, 'store')}",
    "match_trips": lambda v: f"{_count(v, 'order')} with a coupon that the store doubled",
    "match_discount": lambda v: f"{v:,.2f} taken off by coupons that the store doubled",
    "match_rate": lambda v: f"{7 * v:,.2f} a week taken off by coupons that the store doubled",
    "retail_discount": lambda v: f"{v:,.2f} taken off by the store's own reductions",
    "coupon_discount_rate": lambda v: f"Coupons worth {7 * v:,.2f} a week used",
    "coupon_trip_rate": lambda v: f"{7 * v:.1f} orders with a coupon a week",
    "lines": lambda v: f"{_count(v, 'line')} bought in the last year",
    "coupon_lines": lambda v: f"{_count(v, 'line')} with a coupon",
    "lines_lately": lambda v: f"{_count(v, 'line')} bought, of late counting most",
    "spend_lately": lambda v: f"{v:,.2f} spent, of late counting most",
    "lines_fuel": lambda v: f"{_count(v, 'line')} of fuel bought",
    "lines_meat": lambda v: f"{_count(v, 'line')} of meat bought",
    "type_spend": lambda v: f"{v:,.2f} spent on the coupons' product types",
    "overlap_lines": lambda v: f"Products of the coupons bought {_count(v, 'time')}",
    "overlap_lines_84": lambda v: f"Products of the coupons bought {_count(v, 'time')} in the last twelve weeks",
    "overlap_spend": lambda v: f"{v:,.2f} spent on products of the coupons",
    "overlap_lately": lambda v: f"Products of the coupons bought {v:.1f} times, of late counting most",
    "overlap_reduced": lambda v: f"Products of the coupons bought reduced {_count(v, 'time')}",
    "most_bought": lambda v: f"The coupon that fits best is for something in {_count(v, 'order')}",
    "time_received": lambda v: f"About {v:.1f} campaigns with coupons received, as far as they have run",
    "redeemed_coupons": lambda v: f"{_count(v, 'coupon')} of campaigns used",
    "redeemed_lately": lambda v: f"{v:.1f} coupons of campaigns used, of late counting most",
    "redeemed_same_types": lambda v: f"{_count(v, 'coupon')} for the same product types used before",
    "kids": lambda v: "Children in the household, as the platform knows it",
    "owns_home": lambda v: "Whether they own their home, as the platform knows it",
    # Of the campaign and the moment, the same for everybody whom it would reach.
    "is_type_a": lambda v: "Its coupons are picked for each household" if v else "Its coupons are the same for all",
    "is_type_c": lambda v: "A campaign of the third kind" if v else "No campaign of the third kind",
    "lasts_days": lambda v: f"It runs for {_count(v, 'day')}",
    "coupons": lambda v: f"It has {_count(v, 'coupon')}",
    "products": lambda v: f"Its coupons are for {_count(v, 'product')}",
    "history_days": lambda v: f"Orders are known for {_count(v, 'day')} before it",
}
