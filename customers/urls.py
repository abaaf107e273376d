app_name = "customers"

urlpatterns = []

api_urlpatterns = []
