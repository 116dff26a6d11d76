from . import profiling, profiling_import
