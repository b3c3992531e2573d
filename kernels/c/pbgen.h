/* PBGen's packed-bit kernels: the whole ABI.
 *
 * A generator is prepared once, into memory that the caller owns, for one instruction set; then
 * each call turns latents into images in scratch memory that the caller owns. Nothing here
 * allocates, prints, starts a thread or keeps state, so any number of threads may run one prepared
 * generator at a time, each with its own scratch. What is computed is stated in docs/arithmetic.md.
 *
 * The caller has checked what kernels/spec.py checks (finite numbers, sums that cannot overflow);
 * geometry is checked again here, because memory safety hangs on it.
 */
#ifndef PBGEN_H
#define PBGEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define PBGEN_API __declspec(dllexport)
#else
#define PBGEN_API __attribute__((visibility("default")))
#endif

#define PBGEN_ABI_VERSION 4
#define PBGEN_MAX_LAYERS 16
#define PBGEN_MAX_KERNEL 8  /* of kernel and stride */
#define PBGEN_MAX_SIZE 4096 /* of a layer's input and output, pixels */
#define PBGEN_TANH_LEVELS 4096
#define PBGEN_ALIGNMENT 64 /* of the memory of prepared generators, scratch and teams */
#define PBGEN_TEAM_BYTES 64

enum pbgen_status {
  PBGEN_OK = 0,
  PBGEN_BAD_GEOMETRY = 1, /* out of range, or layers that do not chain */
  PBGEN_BAD_ISA = 2,      /* unknown, or absent from this machine */
  PBGEN_BAD_MEMORY = 3,   /* too small, or not aligned */
  PBGEN_BAD_TEAM = 4,     /* no members, several without a team, or one with */
};

enum pbgen_precision { PBGEN_BINARY = 0, PBGEN_FIXED = 1, PBGEN_FLOAT = 2, PBGEN_XNOR = 3 };

/* One square transposed convolution. weight is [kernel][kernel][c_out][...]: binary and xnor, one
 * bit a weight, ceil(c_in / 8) bytes, least significant bit first, set meaning +1; fixed, int16_t
 * [c_in]; float, float [c_in]. scale and shift are [c_out]. */
typedef struct pbgen_layer {
  uint32_t c_in, c_out, kernel, stride, padding, size_in;
  uint32_t precision; /* enum pbgen_precision */
  uint32_t reserved;  /* 0 */
  const void *weight;
  const float *scale;
  const float *shift;
} pbgen_layer;

PBGEN_API uint32_t pbgen_abi_version(void);

/* Name and version of the compiler that built the library. */
PBGEN_API const char *pbgen_compiler(void);

/* Instruction sets by index, best first; NULL past the last. */
PBGEN_API const char *pbgen_isa_name(uint32_t index);
PBGEN_API int pbgen_isa_available(uint32_t index);

/* Bytes of memory that pbgen_prepare needs. */
PBGEN_API int pbgen_prepared_bytes(const pbgen_layer *layers, uint32_t count, size_t *bytes);

/* Pack a generator for the instruction set `isa` into `memory`; the arrays may be freed afterwards.
 * tanh_table maps an image's 4096 steps to grey levels. The memory may be moved when it stays
 * aligned. */
PBGEN_API int pbgen_prepare(const pbgen_layer *layers, uint32_t count, const uint8_t *tanh_table,
                            uint32_t isa, void *memory, size_t bytes);

/* Bytes that the prepared weights take, by enum pbgen_precision, then those of scales and shifts.
 */
PBGEN_API int pbgen_resident_bytes(const void *prepared, size_t bytes[5]);

/* Bytes of scratch that pbgen_run needs for a call of `images` images by `members` threads
 * (constant from 16 images a member on). */
PBGEN_API int pbgen_scratch_bytes(const void *prepared, uint32_t images, uint32_t members,
                                  size_t *bytes);

/* Latents [count][dim] of seeds. */
PBGEN_API void pbgen_latents(const uint64_t *seeds, uint32_t count, uint32_t dim, uint8_t *latents);

/* latents [images][latent_dim] -> pixels [images][size][size][3].
 *
 * One thread works alone: team NULL, members 1. Or up to `members` threads share the work of each
 * layer: the caller, and those that are in pbgen_help with the same `team`, PBGEN_TEAM_BYTES that
 * were zero before the first call. A team does one call at a time. */
PBGEN_API int pbgen_run(const void *prepared, const uint8_t *latents, uint32_t images,
                        uint8_t *pixels, void *scratch, size_t scratch_bytes, void *team,
                        uint32_t members);

/* Takes part, as `member` (1 ... members - 1, each one thread at most), in the team's calls. Spins
 * between them, and returns when none has come for some 100 microseconds, or after a thousand. */
PBGEN_API void pbgen_help(void *team, uint32_t member);

#ifdef __cplusplus
}
#endif

#endif
