"""What to offer to whom, what was shown, and what a person is like."""

from recommendations.models.exposures import Exposure
from recommendations.models.groups import GroupList, GroupPick
from recommendations.models.lists import Recommendation
from recommendations.models.people import Profile
from recommendations.models.texts import TextFinding
from recommendations.models.trends import Overview, Trend
from recommendations.models.waves import OfferWave, WaveReceiver

__all__ = [
    "Exposure", "GroupList", "GroupPick", "OfferWave", "Overview", "Profile", "Recommendation", "TextFinding", "Trend",
    "WaveReceiver",
]  # fmt: skip
