// SIMD kernels. Each has a slow, readable Swift reference beside the code that calls it; the variant is chosen at run time.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "CKernelsCapture.h"
#include "CKernelsChecksum.h"
#include "CKernelsFrontEnd.h"
#include "CKernelsInference.h"
#include "CKernelsQuantized.h"
