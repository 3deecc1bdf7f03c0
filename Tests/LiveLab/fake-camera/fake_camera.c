// SPDX-License-Identifier: Apache-2.0
//
// A plug-in of libv4l2 that makes a regular file a camera, for programs that use v4l2_open and its kin. A file NODE is a camera where a
// file NODE.fake-camera lies beside it and begins with the words "fake camera"; every other file and every device is left alone.
//
// NODE.fake-camera, after its first line, one setting a line:
//   mode FOURCC WIDTHxHEIGHT RATE[,RATE...] STRIDE FRAMES   a picture format, its rates in frames per second, bytes from row to row
//                                   (0: the least) and the file of the frames, shown in turn: raw frames one after the other, JPEG
//                                   files one after the other (MJPG), or access units that begin with a delimiter (H264). Up to 16.
//   card TEXT                       what QUERYCAP says; bus TEXT likewise
//   stamps KIND                     monotonic (default), unmarked, zero, wall, ahead, frozen, own (a clock that starts with the stream)
//   leftover SECONDS                the first frame of every stream is that old and comes at once, also where no other does: v4l2loopback
//                                   gives whoever opens it the last frame of a writer that may be gone
//   stale                           the first buffer of a compressed stream claims to be full: stale bytes follow the picture
//   patient                         a slow reader misses no frame
//   metadata                        the node captures no video
//   forbidden                       opening fails for want of permission
// NODE.fault, read before every frame, one word:
//   stall (no frames), eio (DQBUF fails), damaged (buffers with the error flag), short (half of each frame), backwards (this stamp lies
//   before the last), gap (numbers are left out), busy (buffers are refused, as by a camera in use)
// A camera is unplugged by deleting NODE.
//
// poll(2) is always ready on a regular file, so a frame that is not due is waited for in DQBUF: one interval at most.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libv4l-plugin.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_MODES = 16, MOST_RATES = 8, MOST_BUFFERS = 32, MOST_FRAMES = 4096 };
enum stamps { MONOTONIC, UNMARKED, ZERO, WALL, AHEAD, FROZEN, OWN };

struct frame {
    size_t start, length;
};

struct mode {
    uint32_t code, width, height, stride, bytes;
    double rates[MOST_RATES];
    int rate_count;
    const uint8_t *content;
    size_t content_length;
    struct frame frames[MOST_FRAMES];
    int frame_count;
};

struct camera {
    char node[512], card[32], bus[32];
    enum stamps stamps;
    bool stale, patient, metadata, forbidden, streaming;
    struct mode *modes;
    int mode_count, mode;
    double rate;
    uint8_t *buffers;
    size_t buffer_size;
    int buffer_count, queue[MOST_BUFFERS], queued;
    struct timespec start;
    int64_t shown;
    uint32_t sequence;
    int64_t last_stamp, leftover;
};

static int fail(int reason) {
    errno = reason;
    return -1;
}

static uint32_t code_of(const char *text) {
    uint32_t code = 0;
    memcpy(&code, text, strnlen(text, 4));
    return code;
}

static bool is(const struct mode *mode, const char *code) { return mode->code == code_of(code); }
static bool compressed(const struct mode *mode) { return is(mode, "MJPG") || is(mode, "H264"); }

static void find_geometry(struct mode *mode, uint32_t stride) {
    uint32_t w = mode->width, h = mode->height, even = (w + 1) & ~1u;
    uint32_t least = is(mode, "YUYV") ? even * 2 : is(mode, "RGB3") ? w * 3 : even;
    mode->stride = stride > least ? stride : least;
    if (is(mode, "NV12")) mode->bytes = mode->stride * (h + (h + 1) / 2);
    else if (is(mode, "YU12")) mode->bytes = mode->stride * h + mode->stride / 2 * ((h + 1) / 2) * 2;
    else if (compressed(mode)) mode->bytes = even * h * 2 + 65536;
    else mode->bytes = mode->stride * h;
    if (compressed(mode)) mode->stride = 0;
}

static bool find_frames(struct mode *mode) {
    static const uint8_t jpeg_end[] = {0xFF, 0xD9}, unit_start[] = {0, 0, 0, 1, 9};
    size_t at = 0;
    while (at < mode->content_length && mode->frame_count < MOST_FRAMES) {
        size_t rest = mode->content_length - at, length = rest;
        const uint8_t *here = mode->content + at, *mark;
        if (is(mode, "MJPG")) {
            if ((mark = memmem(here, rest, jpeg_end, sizeof jpeg_end))) length = (size_t)(mark - here) + 2;
        } else if (is(mode, "H264")) {
            if ((mark = memmem(here + 1, rest - 1, unit_start, sizeof unit_start))) length = (size_t)(mark - here);
        } else {
            length = mode->bytes;
        }
        if (length > rest || length > mode->bytes) break;
        mode->frames[mode->frame_count++] = (struct frame){at, length};
        at += length;
    }
    return mode->frame_count > 0;
}

static bool read_mode(struct mode *mode, const char *text) {
    char code[5], rates[128], path[512];
    uint32_t stride;
    if (sscanf(text, "%4s %ux%u %127s %u %511s", code, &mode->width, &mode->height, rates, &stride, path) != 6) return false;
    mode->code = code_of(code);
    for (char *state, *word = strtok_r(rates, ",", &state); word && mode->rate_count < MOST_RATES; word = strtok_r(NULL, ",", &state))
        mode->rates[mode->rate_count++] = atof(word);
    find_geometry(mode, stride);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat information;
    if (file < 0 || fstat(file, &information) < 0 || information.st_size == 0) {
        if (file >= 0) close(file);
        return false;
    }
    mode->content_length = (size_t)information.st_size;
    void *content = mmap(NULL, mode->content_length, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (content == MAP_FAILED) return false;
    mode->content = content;
    return find_frames(mode);
}

static void dispose(struct camera *camera) {
    if (camera->buffers) munmap(camera->buffers, camera->buffer_size * (size_t)camera->buffer_count);
    for (int i = 0; i < camera->mode_count; i++)
        if (camera->modes[i].content) munmap((void *)camera->modes[i].content, camera->modes[i].content_length);
    free(camera->modes);
    free(camera);
}

static bool read_settings(struct camera *camera, FILE *file) {
    static const char *const kinds[] = {"monotonic", "unmarked", "zero", "wall", "ahead", "frozen", "own"};
    char line[1024];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *value = strchr(line, ' ');
        if (value) *value++ = 0;
        if (!strcmp(line, "mode") && value && camera->mode_count < MOST_MODES) {
            if (!read_mode(&camera->modes[camera->mode_count++], value)) return false;
        } else if (!strcmp(line, "card") && value) {
            snprintf(camera->card, sizeof camera->card, "%s", value);
        } else if (!strcmp(line, "bus") && value) {
            snprintf(camera->bus, sizeof camera->bus, "%s", value);
        } else if (!strcmp(line, "stamps") && value) {
            for (int kind = MONOTONIC; kind <= OWN; kind++)
                if (!strcmp(value, kinds[kind])) camera->stamps = (enum stamps)kind;
        } else if (!strcmp(line, "leftover") && value) {
            camera->leftover = (int64_t)(atof(value) * 1e9);
        } else if (!strcmp(line, "stale")) {
            camera->stale = true;
        } else if (!strcmp(line, "patient")) {
            camera->patient = true;
        } else if (!strcmp(line, "metadata")) {
            camera->metadata = true;
        } else if (!strcmp(line, "forbidden")) {
            camera->forbidden = true;
        }
    }
    return camera->mode_count > 0;
}

static void *init(int descriptor) {
    char link[64], node[512], path[600], first[32];
    struct stat information;
    if (fstat(descriptor, &information) < 0 || !S_ISREG(information.st_mode)) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, node, sizeof node - 1);
    if (length <= 0) return NULL;
    node[length] = 0;
    snprintf(path, sizeof path, "%s.fake-camera", node);
    FILE *file = fopen(path, "re");
    if (!file) return NULL;
    struct camera *camera = calloc(1, sizeof *camera);
    camera->modes = calloc(MOST_MODES, sizeof *camera->modes);
    strcpy(camera->node, node);
    strcpy(camera->card, "Fake camera");
    strcpy(camera->bus, "platform:fake-camera");
    bool good = fgets(first, sizeof first, file) && !strcmp(first, "fake camera\n") && read_settings(camera, file);
    fclose(file);
    if (!good) {
        dispose(camera);
        return NULL;
    }
    camera->rate = camera->modes[0].rates[0];
    return camera;
}

static void close_camera(void *state) {
    if (state) dispose(state);
}

static bool faulty(const struct camera *camera, const char *fault) {
    char path[600], word[16] = "";
    snprintf(path, sizeof path, "%s.fault", camera->node);
    // No memory is taken while nothing is wrong: tests count what the camera's thread takes.
    if (access(path, R_OK) != 0) return false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool found = fscanf(file, "%15s", word) == 1 && !strcmp(word, fault);
    fclose(file);
    return found;
}

static bool unplugged(int descriptor) {
    struct stat information;
    return fstat(descriptor, &information) < 0 || information.st_nlink == 0;
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void describe_buffer(struct camera *camera, struct v4l2_buffer *buffer) {
    buffer->length = (uint32_t)camera->buffer_size;
    buffer->m.offset = (uint32_t)(buffer->index * camera->buffer_size);
    buffer->memory = V4L2_MEMORY_MMAP;
    buffer->field = V4L2_FIELD_NONE;
    buffer->flags = V4L2_BUF_FLAG_MAPPED | (camera->stamps == UNMARKED || camera->stamps == WALL ? 0 : V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
    for (int i = 0; i < camera->queued; i++)
        if (camera->queue[i] == (int)buffer->index) buffer->flags |= V4L2_BUF_FLAG_QUEUED;
}

// Waits until the next frame is due; what a slow reader has missed is lost, as on a camera.
static void wait_for_frame(struct camera *camera) {
    int64_t start = (int64_t)camera->start.tv_sec * 1000000000 + camera->start.tv_nsec;
    int64_t interval = (int64_t)(1e9 / camera->rate), current = (nanoseconds(CLOCK_MONOTONIC) - start) / interval;
    if (!camera->patient && current > camera->shown + camera->buffer_count) {
        camera->sequence += (uint32_t)(current - camera->shown);
        camera->shown = current;
    }
    int64_t due = start + camera->shown * interval;
    struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int64_t stamp(struct camera *camera) {
    int64_t now = nanoseconds(CLOCK_MONOTONIC);
    if (faulty(camera, "backwards")) return camera->last_stamp - 50000000;
    switch (camera->stamps) {
    case ZERO: return 0;
    case WALL: return nanoseconds(CLOCK_REALTIME);
    case AHEAD: return now + 30000000;
    case OWN: return now - (int64_t)camera->start.tv_sec * 1000000000 - camera->start.tv_nsec + 1;
    case FROZEN: return camera->last_stamp ? camera->last_stamp : now;
    default: return now;
    }
}

static int dequeue(struct camera *camera, int descriptor, struct v4l2_buffer *buffer) {
    if (unplugged(descriptor)) return fail(ENODEV);
    if (!camera->streaming) return fail(EINVAL);
    if (camera->queued == 0) return fail(EAGAIN);
    bool leftover = camera->leftover && camera->shown == 0;
    if (!leftover && faulty(camera, "stall")) {
        usleep(20000);
        return fail(EAGAIN);
    }
    if (!leftover) wait_for_frame(camera);
    if (unplugged(descriptor)) return fail(ENODEV);
    if (faulty(camera, "eio")) return fail(EIO);
    if (faulty(camera, "gap")) camera->sequence += 3;

    struct mode *mode = &camera->modes[camera->mode];
    // The frame is the one that the number names, so that a test knows what was lost.
    const struct frame *frame = &mode->frames[camera->sequence % (uint32_t)mode->frame_count];
    buffer->index = (uint32_t)camera->queue[0];
    memmove(camera->queue, camera->queue + 1, (size_t)--camera->queued * sizeof camera->queue[0]);
    uint8_t *target = camera->buffers + buffer->index * camera->buffer_size;
    memcpy(target, mode->content + frame->start, frame->length);
    describe_buffer(camera, buffer);
    buffer->bytesused = (uint32_t)frame->length;
    if (faulty(camera, "short")) buffer->bytesused /= 2;
    if (faulty(camera, "damaged")) buffer->flags |= V4L2_BUF_FLAG_ERROR;
    if (camera->stale && compressed(mode) && camera->shown == 0) {
        // The beginning of the same picture again, as if from an older one.
        for (size_t i = frame->length; i < mode->bytes; i++) target[i] = target[i % frame->length];
        buffer->bytesused = mode->bytes;
    }
    int64_t when = camera->last_stamp = leftover ? nanoseconds(CLOCK_MONOTONIC) - camera->leftover : stamp(camera);
    buffer->timestamp.tv_sec = when / 1000000000;
    buffer->timestamp.tv_usec = when % 1000000000 / 1000;
    buffer->sequence = camera->sequence++;
    camera->shown++;
    return 0;
}

static int request_buffers(struct camera *camera, int descriptor, struct v4l2_requestbuffers *request) {
    if (request->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || request->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (request->count && faulty(camera, "busy")) return fail(EBUSY);
    if (camera->buffers) munmap(camera->buffers, camera->buffer_size * (size_t)camera->buffer_count);
    camera->buffers = NULL;
    camera->buffer_count = camera->queued = 0;
    camera->streaming = false;
    if (request->count == 0) return 0;
    if (request->count > MOST_BUFFERS) request->count = MOST_BUFFERS;
    camera->buffer_size = (camera->modes[camera->mode].bytes + 4095) & ~(size_t)4095;
    size_t length = camera->buffer_size * request->count;
    struct stat information;
    // Only ever longer: whoever else has it mapped must not lose pages.
    if (fstat(descriptor, &information) < 0) return -1;
    if ((size_t)information.st_size < length && ftruncate(descriptor, (off_t)length) < 0) return -1;
    void *buffers = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (buffers == MAP_FAILED) return -1;
    camera->buffers = buffers;
    camera->buffer_count = (int)request->count;
    return 0;
}

static int choose_format(struct camera *camera, struct v4l2_format *format, bool set) {
    if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    int best = 0;
    int64_t least = INT64_MAX;
    for (int i = 0; i < camera->mode_count; i++) {
        const struct mode *mode = &camera->modes[i];
        int64_t distance = llabs((int64_t)mode->width - format->fmt.pix.width) + llabs((int64_t)mode->height - format->fmt.pix.height);
        if (mode->code != format->fmt.pix.pixelformat) distance += 1 << 20;
        if (distance < least) best = i, least = distance;
    }
    if (set && camera->buffers) return fail(EBUSY);
    if (set && camera->mode != best) {
        camera->mode = best;
        camera->rate = camera->modes[best].rates[0];
    }
    const struct mode *mode = &camera->modes[best];
    format->fmt.pix = (struct v4l2_pix_format){
        .width = mode->width, .height = mode->height, .pixelformat = mode->code, .field = V4L2_FIELD_NONE,
        .bytesperline = mode->stride, .sizeimage = mode->bytes,
        .colorspace = is(mode, "MJPG") ? V4L2_COLORSPACE_JPEG : V4L2_COLORSPACE_SRGB};
    return 0;
}

static int describe_current_format(struct camera *camera, struct v4l2_format *format) {
    const struct mode *mode = &camera->modes[camera->mode];
    format->fmt.pix = (struct v4l2_pix_format){.width = mode->width, .height = mode->height, .pixelformat = mode->code};
    return choose_format(camera, format, false);
}

static int stream_parameters(struct camera *camera, struct v4l2_streamparm *parameters, bool set) {
    if (parameters->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    struct v4l2_fract *interval = &parameters->parm.capture.timeperframe;
    if (set && interval->numerator && interval->denominator) {
        const struct mode *mode = &camera->modes[camera->mode];
        double asked = (double)interval->denominator / interval->numerator, least = 1e9;
        for (int i = 0; i < mode->rate_count; i++) {
            double distance = mode->rates[i] > asked ? mode->rates[i] - asked : asked - mode->rates[i];
            if (distance < least) camera->rate = mode->rates[i], least = distance;
        }
    }
    parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    *interval = (struct v4l2_fract){1000, (uint32_t)(camera->rate * 1000 + 0.5)};
    return 0;
}

static bool is_first_of_its_code(const struct camera *camera, int index) {
    for (int i = 0; i < index; i++)
        if (camera->modes[i].code == camera->modes[index].code) return false;
    return true;
}

static int describe_format(struct camera *camera, struct v4l2_fmtdesc *format) {
    if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    uint32_t rest = format->index;
    for (int i = 0; i < camera->mode_count; i++) {
        if (!is_first_of_its_code(camera, i) || rest-- > 0) continue;
        const struct mode *mode = &camera->modes[i];
        struct v4l2_fmtdesc answer = {
            .index = format->index, .type = format->type, .pixelformat = mode->code, .flags = compressed(mode) ? V4L2_FMT_FLAG_COMPRESSED : 0};
        snprintf((char *)answer.description, sizeof answer.description, "Fake %.4s", (const char *)&mode->code);
        *format = answer;
        return 0;
    }
    return fail(EINVAL);
}

static int describe_size(struct camera *camera, struct v4l2_frmsizeenum *size) {
    uint32_t rest = size->index;
    for (int i = 0; i < camera->mode_count; i++) {
        if (camera->modes[i].code != size->pixel_format || rest-- > 0) continue;
        size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        size->discrete.width = camera->modes[i].width;
        size->discrete.height = camera->modes[i].height;
        return 0;
    }
    return fail(EINVAL);
}

static int describe_interval(struct camera *camera, struct v4l2_frmivalenum *interval) {
    for (int i = 0; i < camera->mode_count; i++) {
        const struct mode *mode = &camera->modes[i];
        if (mode->code != interval->pixel_format || mode->width != interval->width || mode->height != interval->height) continue;
        if ((int)interval->index >= mode->rate_count) break;
        interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        interval->discrete = (struct v4l2_fract){1000, (uint32_t)(mode->rates[interval->index] * 1000 + 0.5)};
        return 0;
    }
    return fail(EINVAL);
}

static int control(void *state, int descriptor, unsigned long int request, void *argument) {
    struct camera *camera = state;
    if (unplugged(descriptor)) return fail(ENODEV);
    switch ((uint32_t)request) {
    case VIDIOC_QUERYCAP: {
        if (camera->forbidden) return fail(EACCES);
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fake-camera");
        memcpy(capability->card, camera->card, sizeof camera->card);
        memcpy(capability->bus_info, camera->bus, sizeof camera->bus);
        capability->device_caps = (camera->metadata ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE) | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
        capability->capabilities = capability->device_caps | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: return describe_format(camera, argument);
    case VIDIOC_ENUM_FRAMESIZES: return describe_size(camera, argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return describe_interval(camera, argument);
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *input = argument;
        if (input->index) return fail(EINVAL);
        // libv4l2 turns the picture upside down on what it finds in `status`.
        memset(input, 0, sizeof *input);
        strcpy((char *)input->name, "Camera");
        input->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    }
    case VIDIOC_G_INPUT: *(int *)argument = 0; return 0;
    case VIDIOC_S_INPUT: return *(int *)argument ? fail(EINVAL) : 0;
    case VIDIOC_G_FMT: return describe_current_format(camera, argument);
    case VIDIOC_TRY_FMT: return choose_format(camera, argument, false);
    case VIDIOC_S_FMT: return choose_format(camera, argument, true);
    case VIDIOC_G_PARM: return stream_parameters(camera, argument, false);
    case VIDIOC_S_PARM: return stream_parameters(camera, argument, true);
    case VIDIOC_REQBUFS: return request_buffers(camera, descriptor, argument);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = argument;
        if ((int)buffer->index >= camera->buffer_count) return fail(EINVAL);
        describe_buffer(camera, buffer);
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *buffer = argument;
        if ((int)buffer->index >= camera->buffer_count || camera->queued >= MOST_BUFFERS) return fail(EINVAL);
        camera->queue[camera->queued++] = (int)buffer->index;
        describe_buffer(camera, buffer);
        return 0;
    }
    case VIDIOC_DQBUF: return dequeue(camera, descriptor, argument);
    case VIDIOC_STREAMON:
        camera->streaming = true;
        camera->shown = 0;
        camera->sequence = 0;
        clock_gettime(CLOCK_MONOTONIC, &camera->start);
        return 0;
    case VIDIOC_STREAMOFF:
        camera->streaming = false;
        camera->queued = 0;
        return 0;
    default: return fail(ENOTTY);
    }
}

static ssize_t refuse_read(void *state, int descriptor, void *buffer, size_t length) {
    (void)state, (void)descriptor, (void)buffer, (void)length;
    return fail(EINVAL);
}

static ssize_t refuse_write(void *state, int descriptor, const void *buffer, size_t length) {
    (void)state, (void)descriptor, (void)buffer, (void)length;
    return fail(EINVAL);
}

__attribute__((visibility("default"))) const struct libv4l_dev_ops libv4l2_plugin = {
    .init = init, .close = close_camera, .ioctl = control, .read = refuse_read, .write = refuse_write};
