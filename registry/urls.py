from django.urls import path

from registry.views import pages as views

app_name = "registry"

urlpatterns = [
    path("", views.models, name="list"),
    path("<int:version_id>/", views.version, name="version"),
    path("<int:version_id>/measure/", views.measure, name="measure"),
    path("<int:version_id>/promote/", views.promote, name="promote"),
    path("<int:version_id>/roll-back/", views.roll_back, name="roll-back"),
]
