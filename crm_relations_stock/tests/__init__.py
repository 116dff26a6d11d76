from . import (
    test_on_time_rate,
    test_segment_figures,
    test_stock_relations,
    test_supplier_score,
)
