from django.urls import path

from recommendations import api

api_urlpatterns = [
    path("recommendations/", api.Recommendations.as_view(), name="recommendations"),
]
