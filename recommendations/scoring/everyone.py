"""Everybody's list and profile from the live models, written whole."""

from django.utils import timezone

from recommendations.contracts import CLUSTERS, HISTORY, RECOMMENDER
from recommendations.dataset import purchases
from recommendations.scoring.index import publish_index
from recommendations.scoring.lists import lists
from recommendations.scoring.profiles import profiles
from recommendations.scoring.social import social
from recommendations.scoring.trends import trend_rows
from recommendations.services.lists import replace_recommendations
from recommendations.services.people import replace_profiles
from recommendations.services.texts import read_texts
from recommendations.services.trends import keep_overview, replace_trends
from registry import queries as registry


def score_everyone() -> tuple[int, int]:
    """(lists, profiles) written from the live versions; 0 where no version is live. Publishes the index in any case."""
    n_lists = n_profiles = 0
    recommender, clusters = registry.live(RECOMMENDER), registry.live(CLUSTERS)
    live = recommender or clusters
    until = timezone.now() if live is None else live.data_until
    data = purchases(since=until - HISTORY, until=until)
    publish_index(data, recommender)
    read_texts(since=until - HISTORY)  # before the profiles, which hold what was said
    if recommender is not None:
        n_lists = replace_recommendations(lists(recommender, data))
    groups = social(until)
    if clusters is not None:
        n_profiles = replace_profiles(profiles(clusters, groups))
    replace_trends(trend_rows(until))
    keep_overview(until, {"groups": groups.groups, "reason": groups.reason})
    return n_lists, n_profiles
