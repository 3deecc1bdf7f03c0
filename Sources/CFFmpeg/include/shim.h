// FFmpeg's libraries have no module map; their error codes are macros that Swift cannot import; their log callback takes a
// va_list, whose type differs between architectures; and the place of a stream's display matrix differs between versions.
// Can go when Swift imports function-like macros and va_list portably, and FFmpeg 5 is no longer supported.
#pragma once
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

static inline int fwoc_averror_eagain(void) { return AVERROR(EAGAIN); }
static inline int fwoc_averror_eof(void) { return AVERROR_EOF; }
static inline int fwoc_averror_decoder_not_found(void) { return AVERROR_DECODER_NOT_FOUND; }
static inline int64_t fwoc_av_nopts(void) { return AV_NOPTS_VALUE; }
static inline int fwoc_averror_errno(int code) { return AVUNERROR(code); }

/// Sends the log of FFmpeg's libraries, of the whole process, to the calling thread's capture instead of standard error.
void fwoc_log_capture_install(void);
/// Forgets what the calling thread has captured.
void fwoc_log_capture_begin(void);
/// The number of messages of level error or worse on the calling thread since the last begin.
int fwoc_log_capture_count(void);
/// The first of them, without its line break; empty where there is none. Valid until the next begin on this thread.
const char *fwoc_log_capture_first(void);

/// The 9 numbers of the stream's display matrix, or NULL where it has none.
const int32_t *fwoc_stream_display_matrix(const AVStream *stream);
