#include "shim.h"
#include <stdio.h>
#include <string.h>

static _Thread_local int captured_count;
static _Thread_local char captured_first[256];

static void capture(void *object, int level, const char *format, va_list arguments) {
    (void)object;
    if (level > AV_LOG_ERROR) return;
    if (captured_count++ > 0) return;
    vsnprintf(captured_first, sizeof captured_first, format, arguments);
    size_t length = strlen(captured_first);
    while (length > 0 && (captured_first[length - 1] == '\n' || captured_first[length - 1] == '\r'))
        captured_first[--length] = 0;
}

void fwoc_log_capture_install(void) { av_log_set_callback(capture); }

void fwoc_log_capture_begin(void) {
    captured_count = 0;
    captured_first[0] = 0;
}

int fwoc_log_capture_count(void) { return captured_count; }

const char *fwoc_log_capture_first(void) { return captured_first; }
