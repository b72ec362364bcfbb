"""The page's URLs. All require the Dashboard's token, except the shell and the pages to Stripe and back.

The Dashboard requests the page without its trailing slash, and with whatever follows the app in its own path: the last
URL handles these.
"""

from django.urls import path

from saleor_stripe_audience.dashboard import (
    accounts,
    channels,
    contact,
    contacts,
    hosted,
    payment,
    payments,
    problems,
    segment,
    segments,
    setup_page,
    views,
    widgets,
)

app_name = "dashboard"
urlpatterns = [
    path("", views.page, name="page"),
    path("overview", views.overview, name="overview"),
    path("setup", setup_page.setup, name="setup"),
    path("setup/steps/<slug:name>", setup_page.setup_step, name="setup_step"),
    path("setup/terms", setup_page.accept_terms, name="setup_terms"),
    path("setup/audience", setup_page.choose_audience, name="setup_audience"),
    path("setup/catalogue", setup_page.start_catalogue, name="setup_catalogue"),
    path("setup/history", setup_page.start_history, name="setup_history"),
    path("accounts", accounts.accounts, name="accounts"),
    path("accounts/connect", accounts.connect, name="connect"),
    path("accounts/<uuid:account_id>/disconnect", accounts.disconnect_account, name="disconnect"),
    path("accounts/<uuid:account_id>/settings", accounts.save_settings, name="account_settings"),
    path("accounts/<uuid:account_id>/domain", accounts.register_domain, name="register_domain"),
    path("accounts/terms", accounts.accept_terms, name="accept_terms"),
    path("stripe/<str:token>/begin", hosted.begin, name=hosted.BEGIN),
    path("stripe/<str:token>/again", hosted.again, name=hosted.AGAIN),
    path("stripe/<str:token>/back", hosted.back, name=hosted.BACK),
    path("channels/<slug:slug>/pause", channels.pause_channel, name="pause_channel"),
    path("channels", channels.channels, name="channels"),
    path("channels/save", channels.save_channels, name="save_channels"),
    path("channels/read", channels.read_channels, name="read_channels"),
    path("payments", payments.payments, name="payments"),
    path("payments.csv", payments.export, name="payments_export"),
    path("payments/<uuid:payment_id>", payment.payment, name="payment"),
    path("payments/<uuid:payment_id>/method", widgets.payment_method, name="payment_method"),
    path("payments/<uuid:payment_id>/request", payment.request_action, name="request_action"),
    path("contacts", contacts.contacts, name="contacts"),
    path("contacts/add", contacts.add_contact, name="add_contact"),
    path("contacts/<uuid:contact_id>", contact.contact, name="contact"),
    path("contacts/<uuid:contact_id>/change", contact.change_contact, name="change_contact"),
    path("contacts/<uuid:contact_id>/erase", contact.erase_contact, name="erase_contact"),
    path("contacts/<uuid:contact_id>/data", contact.export_contact, name="contact_data"),
    path("segments", segments.segments, name="segments"),
    path("segments/ready-made", segments.add_ready_made, name="add_ready_made"),
    path("segments/new", segment.new_segment, name="new_segment"),
    path("segments/build", segment.build_segment, name="build_segment"),
    path("segments/preview", segment.preview_segment, name="preview_segment"),
    path("segments/save", segment.save_segment, name="save_segment"),
    path("segments/<uuid:segment_id>", segment.segment, name="segment"),
    path("segments/<uuid:segment_id>/why", segment.explain_segment, name="explain_segment"),
    path("segments/<uuid:segment_id>/delete", segments.delete_segment, name="delete_segment"),
    path("problems", problems.problems, name="problems"),
    path("problems/<int:handling_id>/replay", problems.replay_problem, name="replay"),
    path("widgets/order", widgets.order_widget, name="order_widget"),
    path("widgets/customer", widgets.customer_widget, name="customer_widget"),
    path("<path:rest>", views.page, name="deep"),
]
