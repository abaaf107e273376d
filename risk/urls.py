from django.urls import path

from risk import views

app_name = "risk"

urlpatterns = [
    path("", views.queue, name="queue"),
    path("cases/<int:case_id>/decide/", views.decide_case, name="decide-case"),
    path("flags/<int:flag_id>/", views.flag, name="flag"),
    path("flags/<int:flag_id>/decide/", views.decide, name="decide"),
    path("rules/", views.rules, name="rules"),
]
