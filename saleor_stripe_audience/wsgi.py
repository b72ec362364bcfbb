"""The WSGI application: `granian --interface wsgi saleor_stripe_audience.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleor_stripe_audience.settings")
application = get_wsgi_application()
