// player DEVICE PICTURES.mjpg WIDTH HEIGHT RATE SOUND.s16 SOUNDRATE SINK
//
// Plays a film to a v4l2loopback device and to a sink of PulseAudio, over and over, until it is killed: each picture when it is due, and the
// sound that belongs to it at the same moment. Prints `film N SECONDS` when a round begins, on CLOCK_MONOTONIC. The sound goes through pacat,
// which is started again where it ended, so that pictures go on while the sound server is away. Stopped (SIGSTOP) it is a driver that
// stalls; continued it goes on from where it was.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what) {
    fprintf(stderr, "player: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint8_t *load(const char *path, size_t *size) {
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) fail(path);
    uint8_t *bytes = malloc(status.st_size);
    if (!bytes) fail(path);
    *size = 0;
    while (*size < (size_t)status.st_size) {
        ssize_t count = read(file, bytes + *size, status.st_size - *size);
        if (count <= 0) fail(path);
        *size += count;
    }
    close(file);
    return bytes;
}

// The end of the JPEG that begins at `start`.
static size_t pictureEnd(const uint8_t *bytes, size_t size, size_t start) {
    for (size_t i = start + 2; i + 1 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xd9) return i + 2;
    return size;
}

struct Sound {
    const char *sink, *rate;
    pid_t process;
    int pipe;
    double nextTry;
};

static void start(struct Sound *sound) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) fail("pipe");
    // A tenth of a second: sound that waits here would come later than its picture.
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    char rate[32];
    snprintf(rate, sizeof rate, "--rate=%s", sound->rate);
    char *arguments[] = {"pacat", "--playback", "--raw", "--latency-msec=40", "--format=s16le", "--channels=1", rate, "-d", (char *)sound->sink, 0};
    if (posix_spawnp(&sound->process, "pacat", &actions, 0, arguments, environ)) fail("pacat");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    sound->pipe = ends[1];
}

static void play(struct Sound *sound, const uint8_t *bytes, size_t size) {
    if (sound->process && waitpid(sound->process, 0, WNOHANG) == sound->process) {
        close(sound->pipe);
        sound->process = 0;
        sound->nextTry = now() + 0.5;
    }
    if (!sound->process) {
        if (now() < sound->nextTry) return;
        start(sound);
    }
    // What pacat does not take is lost, as in a room where nobody listens.
    if (write(sound->pipe, bytes, size) < 0 && errno != EAGAIN && errno != EPIPE) fail("writing to pacat");
}

int main(int count, char **arguments) {
    if (count != 9) {
        fprintf(stderr, "usage: player DEVICE PICTURES.mjpg WIDTH HEIGHT RATE SOUND.s16 SOUNDRATE SINK\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, 0, _IOLBF, 0);
    size_t pictureBytes, soundBytes;
    uint8_t *pictures = load(arguments[2], &pictureBytes), *samples = load(arguments[6], &soundBytes);
    int rate = atoi(arguments[5]);
    struct Sound sound = {.sink = arguments[8], .rate = arguments[7]};
    size_t slice = 2 * (size_t)(atoi(sound.rate) / rate);

    int device = open(arguments[1], O_RDWR);
    if (device < 0) fail(arguments[1]);
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    format.fmt.pix.width = atoi(arguments[3]);
    format.fmt.pix.height = atoi(arguments[4]);
    format.fmt.pix.pixelformat = V4L2_PIX_FMT_MJPEG;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    format.fmt.pix.sizeimage = format.fmt.pix.width * format.fmt.pix.height * 2;
    if (ioctl(device, VIDIOC_S_FMT, &format)) fail("VIDIOC_S_FMT");
    struct v4l2_streamparm parameters = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    parameters.parm.output.timeperframe.numerator = 1;
    parameters.parm.output.timeperframe.denominator = rate;
    if (ioctl(device, VIDIOC_S_PARM, &parameters)) fail("VIDIOC_S_PARM");

    double due = now();
    for (long round = 0;; round++) {
        size_t picture = 0, spoken = 0;
        printf("film %ld %.3f\n", round, due);
        while (picture < pictureBytes) {
            double wait = due - now();
            if (wait < -0.3) due = now();
            if (wait > 0) {
                struct timespec until = {(time_t)due, (long)((due - (time_t)due) * 1e9)};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0);
            }
            size_t end = pictureEnd(pictures, pictureBytes, picture);
            if (write(device, pictures + picture, end - picture) != (ssize_t)(end - picture)) fail("writing a picture");
            if (spoken + slice <= soundBytes) play(&sound, samples + spoken, slice);
            picture = end;
            spoken += slice;
            due += 1.0 / rate;
        }
    }
}
