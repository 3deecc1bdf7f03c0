// CRC-32C. The portable variant takes eight bytes at a time (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
// High-Performance CRC Generation", 2008); x86 and ARM have an instruction for it.
#include "include/CKernels.h"
#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

uint32_t fwoc_crc32c_portable(uint32_t previous, const uint8_t *bytes, size_t count) {
    pthread_once(&made, make_table);
    uint32_t crc = ~previous;
    for (; count >= 8; count -= 8, bytes += 8) {
        crc ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
        crc = table[7][crc & 255] ^ table[6][crc >> 8 & 255] ^ table[5][crc >> 16 & 255] ^ table[4][crc >> 24]
            ^ table[3][bytes[4]] ^ table[2][bytes[5]] ^ table[1][bytes[6]] ^ table[0][bytes[7]];
    }
    for (; count > 0; count--, bytes++) crc = crc >> 8 ^ table[0][(crc ^ *bytes) & 255];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t previous, const uint8_t *bytes, size_t count) {
    uint64_t crc = ~previous;
    for (; count >= 8; count -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; count > 0; count--, bytes++) crc = __builtin_ia32_crc32qi((uint32_t)crc, *bytes);
    return ~(uint32_t)crc;
}

uint32_t fwoc_crc32c(uint32_t previous, const uint8_t *bytes, size_t count) {
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(previous, bytes, count) : fwoc_crc32c_portable(previous, bytes, count);
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
uint32_t fwoc_crc32c(uint32_t previous, const uint8_t *bytes, size_t count) {
    uint32_t crc = ~previous;
    for (; count >= 8; count -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; count--, bytes++) crc = __crc32cb(crc, *bytes);
    return ~crc;
}
#else
uint32_t fwoc_crc32c(uint32_t previous, const uint8_t *bytes, size_t count) { return fwoc_crc32c_portable(previous, bytes, count); }
#endif
