"""Every address: the pages of each room, the API under /api/v1/, its description, and the admin as a window."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts import urls as accounts
from campaigns import urls as campaigns
from catalog import urls as catalog
from copywriting import urls as copywriting
from customers import urls as customers
from recommendations import urls as recommendations
from registry import urls as registry
from risk import urls as risk

# The admin has no login of its own: there is one way in, with its limits and its second step.
admin.site.login = secure_admin_login(admin.site.login)

API = [
    *catalog.api_urlpatterns,
    *customers.api_urlpatterns,
    *recommendations.api_urlpatterns,
    *copywriting.api_urlpatterns,
    *campaigns.api_urlpatterns,
]

urlpatterns = [
    path("", include(campaigns)),
    path("customers/", include(customers)),
    path("copy/", include(copywriting)),
    path("behaviour/", include(recommendations)),
    path("models/", include(registry)),
    path("models/", include((recommendations.trainings_urlpatterns, "trainings"))),
    path("fraud/", include(risk)),
    path("accounts/", include(accounts)),
    path("accounts/", include(accounts.allauth_urlpatterns)),
    path("api/v1/", include((API, "api"))),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[], authentication_classes=[]),
        name="api-docs",
    ),
    path("admin/", admin.site.urls),
]
