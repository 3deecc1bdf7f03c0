// espeak-ng has no module map. It is distributed under the GNU General Public License, version 3 or later: a program that links this module is
// distributed under that licence, and therefore no part of the agent or the trainer may depend on it.
//
// A voice of one's own has to be a file; one in memory leaves nothing behind. glibc declares memfd_create only for _GNU_SOURCE, which modules
// cannot define.
#pragma once
#include <espeak-ng/speak_lib.h>
#include <espeak-ng/espeak_ng.h>
#include <sys/syscall.h>
#include <unistd.h>

// A file without a name, closed when programs are started; negative: errno says why.
static inline int fwoc_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1U /* MFD_CLOEXEC */); }

static inline espeak_ERROR fwoc_espeak_speak(const char *text, size_t bytes, void *user_data) {
    return espeak_Synth(text, bytes, 0, POS_CHARACTER, 0, espeakCHARS_UTF8 | espeakENDPAUSE, NULL, user_data);
}

// The name of a phoneme fills its field without an end where it has eight bytes.
static inline void fwoc_espeak_phoneme(const espeak_EVENT *event, char name[9]) {
    for (int i = 0; i < 8; i++) name[i] = event->id.string[i];
    name[8] = 0;
}
