app_name = "campaigns"

urlpatterns = []

api_urlpatterns = []
