// libv4l2 has no module map, its open and ioctl are variadic, the request codes of videodev2.h are macros, and its structures hold
// unions and bit masks that Swift imports badly or not at all: each request is a function here, with a flat structure where one is
// needed. Can go when Swift imports them. Every function returns -1 and sets errno where the device refuses.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// libv4l2 prints every failure to standard error unless it has a file of its own; the failures are reported by their caller.
static inline void fwoc_v4l2_silence(void) {
    if (!v4l2_log_file) v4l2_log_file = fopen("/dev/null", "we");
}

// Non-blocking. Without `convert`, the formats are the driver's own. libv4l2 closes nothing that it did not accept.
static inline int fwoc_v4l2_open(const char *path, bool convert) {
    int descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return -1;
    if (v4l2_fd_open(descriptor, convert ? 0 : V4L2_DISABLE_CONVERSION) >= 0) return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

static inline int fwoc_v4l2_close(int descriptor) { return v4l2_close(descriptor); }

static inline int fwoc_v4l2_ioctl(int descriptor, unsigned long request, void *argument) {
    int result;
    do result = v4l2_ioctl(descriptor, request, argument);
    while (result < 0 && errno == EINTR);
    return result;
}

struct fwoc_v4l2_identity {
    char driver[17], card[33], bus[33];
    bool captures, streams;
};

static inline int fwoc_v4l2_identify(int descriptor, struct fwoc_v4l2_identity *identity) {
    struct v4l2_capability capability;
    memset(&capability, 0, sizeof capability);
    memset(identity, 0, sizeof *identity);
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_QUERYCAP, &capability) < 0) return -1;
    memcpy(identity->driver, capability.driver, sizeof capability.driver);
    memcpy(identity->card, capability.card, sizeof capability.card);
    memcpy(identity->bus, capability.bus_info, sizeof capability.bus_info);
    uint32_t able = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    identity->captures = able & V4L2_CAP_VIDEO_CAPTURE;
    identity->streams = able & V4L2_CAP_STREAMING;
    return 0;
}

struct fwoc_v4l2_described_format {
    uint32_t code;
    bool compressed, emulated;
    char description[33];
};

static inline int fwoc_v4l2_describe_format(int descriptor, uint32_t index, struct fwoc_v4l2_described_format *format) {
    struct v4l2_fmtdesc request;
    memset(&request, 0, sizeof request);
    memset(format, 0, sizeof *format);
    request.index = index;
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_ENUM_FMT, &request) < 0) return -1;
    format->code = request.pixelformat;
    format->compressed = request.flags & V4L2_FMT_FLAG_COMPRESSED;
    format->emulated = request.flags & V4L2_FMT_FLAG_EMULATED;
    memcpy(format->description, request.description, sizeof request.description);
    return 0;
}

// One size where the least and the greatest are the same.
struct fwoc_v4l2_size {
    uint32_t least_width, greatest_width, least_height, greatest_height;
};

static inline int fwoc_v4l2_describe_size(int descriptor, uint32_t code, uint32_t index, struct fwoc_v4l2_size *size) {
    struct v4l2_frmsizeenum request;
    memset(&request, 0, sizeof request);
    request.index = index;
    request.pixel_format = code;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_ENUM_FRAMESIZES, &request) < 0) return -1;
    if (request.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
        size->least_width = size->greatest_width = request.discrete.width;
        size->least_height = size->greatest_height = request.discrete.height;
        return 0;
    }
    // A range is one entry, whatever a driver says of the next index.
    if (index > 0) {
        errno = EINVAL;
        return -1;
    }
    size->least_width = request.stepwise.min_width;
    size->greatest_width = request.stepwise.max_width;
    size->least_height = request.stepwise.min_height;
    size->greatest_height = request.stepwise.max_height;
    return 0;
}

// In frames per second; one rate where the two are the same.
struct fwoc_v4l2_rate {
    double least, greatest;
};

static inline double fwoc_v4l2_inverse(struct v4l2_fract interval) {
    return interval.numerator ? (double)interval.denominator / interval.numerator : 0;
}

static inline int fwoc_v4l2_describe_rate(
    int descriptor, uint32_t code, uint32_t width, uint32_t height, uint32_t index, struct fwoc_v4l2_rate *rate) {
    struct v4l2_frmivalenum request;
    memset(&request, 0, sizeof request);
    request.index = index;
    request.pixel_format = code;
    request.width = width;
    request.height = height;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_ENUM_FRAMEINTERVALS, &request) < 0) return -1;
    if (request.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
        rate->least = rate->greatest = fwoc_v4l2_inverse(request.discrete);
        return 0;
    }
    if (index > 0) {
        errno = EINVAL;
        return -1;
    }
    rate->least = fwoc_v4l2_inverse(request.stepwise.max);
    rate->greatest = fwoc_v4l2_inverse(request.stepwise.min);
    return 0;
}

enum fwoc_v4l2_matrix { FWOC_V4L2_BT601, FWOC_V4L2_BT709, FWOC_V4L2_BT2020 };

// What was asked before the call, what the driver made of it after.
struct fwoc_v4l2_picture {
    uint32_t code, width, height;
    uint32_t bytes_per_line, bytes;
    enum fwoc_v4l2_matrix matrix;
    bool full_range, interlaced;
};

static inline int fwoc_v4l2_set_picture(int descriptor, struct fwoc_v4l2_picture *picture) {
    struct v4l2_format format;
    memset(&format, 0, sizeof format);
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    format.fmt.pix.width = picture->width;
    format.fmt.pix.height = picture->height;
    format.fmt.pix.pixelformat = picture->code;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_S_FMT, &format) < 0) return -1;
    struct v4l2_pix_format *got = &format.fmt.pix;
    picture->code = got->pixelformat;
    picture->width = got->width;
    picture->height = got->height;
    picture->bytes_per_line = got->bytesperline;
    picture->bytes = got->sizeimage;
    uint32_t encoding = got->ycbcr_enc, quantization = got->quantization;
    if (encoding == V4L2_YCBCR_ENC_DEFAULT) encoding = V4L2_MAP_YCBCR_ENC_DEFAULT(got->colorspace);
    if (quantization == V4L2_QUANTIZATION_DEFAULT)
        quantization = V4L2_MAP_QUANTIZATION_DEFAULT(false, got->colorspace, encoding);
    switch (encoding) {
    case V4L2_YCBCR_ENC_709:
    case V4L2_YCBCR_ENC_XV709: picture->matrix = FWOC_V4L2_BT709; break;
    case V4L2_YCBCR_ENC_BT2020:
    case V4L2_YCBCR_ENC_BT2020_CONST_LUM: picture->matrix = FWOC_V4L2_BT2020; break;
    default: picture->matrix = FWOC_V4L2_BT601;
    }
    picture->full_range = quantization == V4L2_QUANTIZATION_FULL_RANGE;
    picture->interlaced = got->field != V4L2_FIELD_NONE && got->field != V4L2_FIELD_ANY;
    return 0;
}

// Frames per second, in thousandths: asked before, the driver's answer after; 0 where the driver knows no rate.
static inline int fwoc_v4l2_set_rate(int descriptor, uint32_t *millihertz) {
    struct v4l2_streamparm parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    parameters.parm.capture.timeperframe.numerator = 1000;
    parameters.parm.capture.timeperframe.denominator = *millihertz;
    *millihertz = 0;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_S_PARM, &parameters) < 0) return -1;
    *millihertz = (uint32_t)(fwoc_v4l2_inverse(parameters.parm.capture.timeperframe) * 1000 + 0.5);
    return 0;
}

static inline int fwoc_v4l2_request_buffers(int descriptor, uint32_t *count) {
    struct v4l2_requestbuffers request;
    memset(&request, 0, sizeof request);
    request.count = *count;
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request.memory = V4L2_MEMORY_MMAP;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_REQBUFS, &request) < 0) return -1;
    *count = request.count;
    return 0;
}

// NULL and errno where it cannot be mapped.
static inline void *fwoc_v4l2_map_buffer(int descriptor, uint32_t index, size_t *length) {
    struct v4l2_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.index = index;
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_QUERYBUF, &buffer) < 0) return NULL;
    *length = buffer.length;
    void *start = v4l2_mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, buffer.m.offset);
    return start == MAP_FAILED ? NULL : start;
}

static inline void fwoc_v4l2_unmap_buffer(void *start, size_t length) { v4l2_munmap(start, length); }

static inline int fwoc_v4l2_queue(int descriptor, uint32_t index) {
    struct v4l2_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.index = index;
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    return fwoc_v4l2_ioctl(descriptor, VIDIOC_QBUF, &buffer);
}

struct fwoc_v4l2_filled_buffer {
    uint32_t index, used, sequence;
    // The driver's, on a clock that `monotonic` names or leaves open.
    int64_t nanoseconds;
    bool damaged, monotonic;
};

static inline int fwoc_v4l2_dequeue(int descriptor, struct fwoc_v4l2_filled_buffer *filled) {
    struct v4l2_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    if (fwoc_v4l2_ioctl(descriptor, VIDIOC_DQBUF, &buffer) < 0) return -1;
    filled->index = buffer.index;
    filled->used = buffer.bytesused;
    filled->sequence = buffer.sequence;
    filled->nanoseconds = (int64_t)buffer.timestamp.tv_sec * 1000000000 + (int64_t)buffer.timestamp.tv_usec * 1000;
    filled->damaged = buffer.flags & V4L2_BUF_FLAG_ERROR;
    filled->monotonic = (buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    return 0;
}

static inline int fwoc_v4l2_stream(int descriptor, bool on) {
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return fwoc_v4l2_ioctl(descriptor, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}
