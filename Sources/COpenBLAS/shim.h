// OpenBLAS has no module map of its own; this header makes its C interface importable.
#pragma once
#include <cblas.h>
