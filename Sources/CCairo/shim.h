// Cairo has no module map of its own.
#pragma once
#include <cairo.h>
