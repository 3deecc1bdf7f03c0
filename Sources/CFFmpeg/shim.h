// FFmpeg's libraries have no module map, and its error codes are macros that Swift cannot import.
// Can go when Swift imports function-like macros.
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
static inline int64_t fwoc_av_nopts(void) { return AV_NOPTS_VALUE; }
