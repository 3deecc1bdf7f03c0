// libv4l2 has no module map, its open and ioctl are variadic, and the request codes of videodev2.h are macros that Swift cannot
// import: each is a function here. Can go when Swift imports them.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>

static inline int fwoc_v4l2_open(const char *path, int flags) { return v4l2_open(path, flags, 0); }
