from . import test_on_time_rate, test_stock_relations, test_supplier_score
