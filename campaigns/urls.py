from django.urls import path

from campaigns import api
from campaigns.views import (
    compose,
    evidence,
    exports,
    home,
    monitor,
    privacy,
    public,
    requests,
    results,
    review,
    segments,
)

app_name = "campaigns"

urlpatterns = [
    path("", home.home, name="home"),
    path("campaigns/", home.campaigns, name="list"),
    path("campaigns/new/", compose.new, name="new"),
    path("campaigns/power/", compose.power, name="power"),
    path("campaigns/<int:campaign_id>/", compose.detail, name="detail"),
    path("campaigns/<int:campaign_id>/edit/", compose.edit, name="edit"),
    path("campaigns/<int:campaign_id>/drafts/", compose.ask_for_drafts, name="drafts"),
    path("campaigns/<int:campaign_id>/writing/", compose.progress, name="writing"),
    path("campaigns/<int:campaign_id>/schedule/", compose.schedule, name="schedule"),
    path("campaigns/<int:campaign_id>/unschedule/", compose.unschedule, name="unschedule"),
    path("campaigns/<int:campaign_id>/cancel/", compose.cancel, name="cancel"),
    path("campaigns/<int:campaign_id>/review/", review.review, name="review"),
    path("campaigns/<int:campaign_id>/approve/", review.approve, name="approve"),
    path("campaigns/<int:campaign_id>/send-back/", review.send_back, name="send-back"),
    path("campaigns/<int:campaign_id>/words/<int:variant_id>/", review.edit_words, name="words"),
    path("campaigns/<int:campaign_id>/preview/<int:variant_id>/<int:customer_id>/", review.preview, name="preview"),
    path("campaigns/<int:campaign_id>/mail/<int:variant_id>/<int:customer_id>/", review.mail, name="mail"),
    path("campaigns/<int:campaign_id>/evidence/", review.evidence, name="evidence"),
    path("campaigns/<int:campaign_id>/evidence/pack/", evidence.campaign_pack, name="evidence-pack"),
    path("people/<int:customer_id>/evidence/", evidence.person_pack, name="person-evidence"),
    path("campaigns/<int:campaign_id>/monitor/", monitor.monitor, name="monitor"),
    path("campaigns/<int:campaign_id>/sending/", monitor.progress, name="sending"),
    path("campaigns/<int:campaign_id>/pause/", monitor.pause, name="pause"),
    path("campaigns/<int:campaign_id>/resume/", monitor.resume, name="resume"),
    path("campaigns/<int:campaign_id>/recipients/", monitor.recipients, name="recipients"),
    path("campaigns/<int:campaign_id>/recipients/export/", exports.ask, name="recipients-export"),
    path(
        "campaigns/<int:campaign_id>/recipients/export/<int:export_id>/", exports.download, name="recipients-download"
    ),
    path("campaigns/<int:campaign_id>/results/", results.results, name="results"),
    path("segments/", segments.segments, name="segments"),
    path("segments/new/", segments.new, name="segment-new"),
    path("segments/<int:segment_id>/", segments.segment, name="segment"),
    path("segments/<int:segment_id>/edit/", segments.edit, name="segment-edit"),
    path("segments/<int:segment_id>/count/", segments.count, name="segment-count"),
    # Links in messages: short, for they stand in plain text too.
    path("c/<str:token>/", public.click, name="click"),
    path("u/<str:token>/", public.unsubscribe, name="unsubscribe"),
    path("p/<str:token>/", public.preferences, name="preferences"),
    path("s/<str:token>/", public.survey, name="survey"),
    path("w/<str:token>/", public.why, name="why"),
    path("p/<str:token>/receipts/", public.receipts, name="receipts"),
    path("o/<int:opt_in_id>/<str:secret>/", privacy.opt_in, name="opt-in"),
    path("privacy/", privacy.ask, name="privacy"),
    path("privacy/<uuid:reference>/<str:secret>/", privacy.link, name="privacy-link"),
    path("requests/", requests.requests, name="requests"),
    path("requests/new/", requests.receive, name="request-new"),
    path("requests/<int:request_id>/", requests.request, name="request"),
    path("requests/<int:request_id>/verify/", requests.verify, name="request-verify"),
    path("requests/<int:request_id>/refuse/", requests.refuse, name="request-refuse"),
    path("requests/<int:request_id>/erase/", requests.erase, name="request-erase"),
    path("requests/<int:request_id>/stop/", requests.stop, name="request-stop"),
    path("requests/<int:request_id>/export/", requests.export, name="request-export"),
    path("store/<int:product_id>/", public.product, name="product"),
]

api_urlpatterns = [
    path("campaigns/", api.Campaigns.as_view(), name="campaigns"),
    path("campaigns/<int:campaign_id>/results/", api.CampaignResults.as_view(), name="campaign-results"),
]
