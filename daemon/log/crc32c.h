/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's own
 * instruction where it has one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes, going on from that of the bytes before them (0 at
 * the start). Any other starting value makes a checksum that only those who
 * know the value can make. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same by table, for processors without the instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);
