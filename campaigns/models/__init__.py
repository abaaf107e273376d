from campaigns.models.delivery import (
    Assignment,
    Click,
    CouponCode,
    Impression,
    Message,
    Origin,
    Redemption,
    SurveyAnswer,
)
from campaigns.models.planning import (
    Approval,
    AudienceMember,
    Campaign,
    CampaignSegment,
    MessageVariant,
    Segment,
    Transition,
)

__all__ = [
    "Approval",
    "Assignment",
    "AudienceMember",
    "Campaign",
    "CampaignSegment",
    "Click",
    "CouponCode",
    "Impression",
    "Message",
    "MessageVariant",
    "Origin",
    "Redemption",
    "Segment",
    "SurveyAnswer",
    "Transition",
]
