from django.urls import path

from catalog import api

api_urlpatterns = [
    path("products/", api.Products.as_view(), name="products"),
    path("products/<path:external_id>/", api.OneProduct.as_view(), name="product"),
]
