from django.urls import path

from copywriting import api
from copywriting.views import drafts, jobs

app_name = "copywriting"

urlpatterns = [
    path("", jobs.studio, name="studio"),
    path("new/", jobs.new, name="new"),
    path("<int:job_id>/", jobs.job, name="job"),
    path("<int:job_id>/writing/", jobs.progress, name="writing"),
    path("texts/<int:piece_id>/accept/", jobs.accept, name="accept"),
    path("texts/<int:piece_id>/again/", jobs.again, name="again"),
    path("drafts/<int:draft_id>/", drafts.draft, name="draft"),
    path("drafts/<int:draft_id>/edit/", drafts.edit, name="edit"),
    path("drafts/<int:draft_id>/check/", drafts.check, name="check"),
    path("drafts/<int:draft_id>/replay/", drafts.replay, name="replay"),
    path("compare/", drafts.compare, name="compare"),
]

api_urlpatterns = [
    path("descriptions/", api.Descriptions.as_view(), name="descriptions"),
    path("descriptions/<int:job_id>/", api.Description.as_view(), name="description"),
    path("descriptions/<int:job_id>/accept/", api.AcceptDescriptions.as_view(), name="descriptions-accept"),
]
