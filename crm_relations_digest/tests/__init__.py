from . import test_digest_figures
