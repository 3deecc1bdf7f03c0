// CRC-32C of what is stored, to notice damage.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// `previous` is the checksum of the bytes before these, 0 at the beginning.
uint32_t fwoc_crc32c(uint32_t previous, const uint8_t *bytes, size_t count);

/// The variant for any processor.
uint32_t fwoc_crc32c_portable(uint32_t previous, const uint8_t *bytes, size_t count);
