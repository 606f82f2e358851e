from ecd_data.progress.price import Price


def test_a_price_is_per_million_tokens():
    assert Price(0.5, 2).of(2_000_000, 500_000) == 2.0
