from . import digest, profiling
