// espeak-ng has no module map. It is distributed under the GNU General Public License, version 3 or later: a program that links this module is
// distributed under that licence, and therefore no part of the agent or the trainer may depend on it.
#pragma once
#include <errno.h>
#include <espeak-ng/espeak_ng.h>
#include <espeak-ng/speak_lib.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// What a child says of an utterance, one record after another: these eight bytes, and then what they announce.
enum { fwoc_espeak_samples = 0 /* count samples of 16 bits */, fwoc_espeak_phoneme = 1 /* at count ms; a name of 8 bytes */, fwoc_espeak_done = 2 /* count: 0, or an error */ };
typedef struct { int32_t kind, count; } fwoc_espeak_record;

static int fwoc_espeak_pipe = -1;

static int fwoc_espeak_put(const void *bytes, size_t count) {
    const char *at = (const char *)bytes;
    while (count > 0) {
        ssize_t written = write(fwoc_espeak_pipe, at, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        at += written;
        count -= (size_t)written;
    }
    return 0;
}

// Runs in the child.
static int fwoc_espeak_spoken(short *samples, int count, espeak_EVENT *events) {
    if (samples && count > 0) {
        fwoc_espeak_record record = {fwoc_espeak_samples, count};
        if (fwoc_espeak_put(&record, sizeof record) || fwoc_espeak_put(samples, 2 * (size_t)count)) return 1;
    }
    for (espeak_EVENT *event = events; event && event->type != espeakEVENT_LIST_TERMINATED; event++) {
        if (event->type != espeakEVENT_PHONEME) continue;
        fwoc_espeak_record record = {fwoc_espeak_phoneme, event->audio_position};
        if (fwoc_espeak_put(&record, sizeof record) || fwoc_espeak_put(event->id.string, 8)) return 1;
    }
    return 0;
}

// Begins a child process that says a text with a voice and writes records into a pipe; gives the pipe's other end, or -1: errno says why. The child does nothing but C, so
// that no lock of another thread is waited for, and ends by itself.
//
// A process of its own for every utterance: what the library keeps from one to the next (noise, phases, its gain after clipping) would otherwise be heard, and the same
// words would not be the same samples.
static inline int fwoc_espeak_begin(const void *voice, size_t voice_bytes, const char *text, size_t text_bytes, int rate, int volume, unsigned seed, pid_t *child) {
    int ends[2];
    if (syscall(SYS_pipe2, ends, O_CLOEXEC)) return -1;
    *child = fork();
    if (*child != 0) {
        int error = errno;
        close(ends[1]);
        if (*child < 0) {
            close(ends[0]);
            errno = error;
            return -1;
        }
        return ends[0];
    }
    fwoc_espeak_pipe = ends[1];
    fwoc_espeak_record done = {fwoc_espeak_done, -1};
    // A voice has to be a file; one in memory leaves nothing behind, and the list of voices on the disk, at most 349, is not read.
    char path[40];
    int file = (int)syscall(SYS_memfd_create, "voice", 1U /* MFD_CLOEXEC */);
    if (file >= 0 && write(file, voice, voice_bytes) == (ssize_t)voice_bytes && snprintf(path, sizeof path, "/proc/self/fd/%d", file) > 0) {
        done.count = (int32_t)espeak_ng_SetVoiceByFile(path);
        if (done.count == 0) {
            espeak_SetParameter(espeakRATE, rate, 0);
            espeak_SetParameter(espeakVOLUME, volume, 0);
            espeak_SetSynthCallback(fwoc_espeak_spoken);
            srand(seed);
            done.count = (int32_t)espeak_Synth(text, text_bytes, 0, POS_CHARACTER, 0, espeakCHARS_UTF8 | espeakENDPAUSE, NULL, NULL);
        }
    }
    fwoc_espeak_put(&done, sizeof done);
    _exit(0);
}
