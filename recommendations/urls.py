from django.urls import path

from recommendations import api
from recommendations.views import people, shop, trainings

app_name = "recommendations"
urlpatterns = [
    path("", shop.behaviour, name="behaviour"),
    path("people/<int:customer_id>/", people.person, name="customer"),
]
# Under the Models page, whose room is below this one and knows no kind of training.
trainings_urlpatterns = [path("trainings/", trainings.trainings, name="list")]
api_urlpatterns = [
    path("recommendations/", api.Recommendations.as_view(), name="recommendations"),
]
