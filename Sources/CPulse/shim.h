// libpulse has no module map.
#pragma once
#include <pulse/pulseaudio.h>
