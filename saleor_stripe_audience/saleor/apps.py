from django.apps import AppConfig


class SaleorConfig(AppConfig):
    name = "saleor_stripe_audience.saleor"
    label = "saleor"

    def ready(self) -> None:
        from saleor_stripe_audience.saleor.problems import on_problem_cleared, on_problem_reported
        from saleor_stripe_audience.shops.problems import problem_cleared, problem_reported

        problem_reported.connect(on_problem_reported)
        problem_cleared.connect(on_problem_cleared)
