from django.urls import path

from recommendations import api
from recommendations.views import people, shop, trainings

app_name = "recommendations"
urlpatterns = [
    path("", shop.behaviour, name="behaviour"),
    path("trainings/", trainings.trainings, name="trainings"),
    path("people/<int:customer_id>/", people.person, name="customer"),
]
api_urlpatterns = [
    path("recommendations/", api.Recommendations.as_view(), name="recommendations"),
]
