from . import digest, profiling, profiling_import
