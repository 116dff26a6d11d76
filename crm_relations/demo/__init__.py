# isort: off
from . import example_discussion
from . import example_company
from . import example_service
from . import example_rules
from . import example_events
from . import example_documents
from . import example_calls
from . import example_fair
from . import example_quality
