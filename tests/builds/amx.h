/* AMX int8 in plain C, to run isa_amx.c where the processor has AVX-512 but no AMX: included before
 * all else (-include), it takes the place of the compiler's intrinsics. What would fault aborts.
 * After Intel's Software Developer's Manual: LDTILECFG, TILELOADD, TILESTORED, TDPBUSD. */
#if defined(__AMX_INT8__)
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AMX_CHECK(condition) ((condition) ? (void)0 : abort())

typedef struct amx_configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} amx_configuration;

static _Thread_local struct {
  amx_configuration is;
  uint8_t data[8][16][64];
} amx;

static inline void amx_loadconfig(const void *memory)
{
  amx_configuration c;
  memcpy(&c, memory, sizeof c);
  AMX_CHECK(c.palette == 1 && c.start_row == 0);
  for (int i = 0; i < 14; i++)
    AMX_CHECK(c.reserved[i] == 0);
  for (int i = 0; i < 16; i++) {
    AMX_CHECK(c.row_bytes[i] <= 64 && c.rows[i] <= 16);
    AMX_CHECK(!c.row_bytes[i] == !c.rows[i] && (i < 8 || !c.rows[i]));
  }
  memset(&amx, 0, sizeof amx);
  amx.is = c;
}

static inline void amx_release(void)
{
  memset(&amx, 0, sizeof amx);
}

/* A tile that is configured: else any use of it faults. */
static inline int amx_tile(int i)
{
  AMX_CHECK(amx.is.palette == 1 && amx.is.rows[i] > 0);
  return i;
}

static inline void amx_zero(int to)
{
  memset(amx.data[amx_tile(to)], 0, sizeof amx.data[to]);
}

static inline void amx_load(int to, const void *base, long stride)
{
  amx_zero(to); /* what a row has beyond its bytes, and the rows beyond the last */
  for (int row = 0; row < amx.is.rows[to]; row++)
    memcpy(amx.data[to][row], (const char *)base + row * stride, amx.is.row_bytes[to]);
}

static inline void amx_store(int from, void *base, long stride)
{
  for (int row = 0; row < amx.is.rows[amx_tile(from)]; row++)
    memcpy((char *)base + row * stride, amx.data[from][row], amx.is.row_bytes[from]);
}

__attribute__((no_sanitize("address", "undefined"))) static inline void amx_dpbusd(int to, int a,
                                                                                   int b)
{
  const amx_configuration *is = &amx.is;
  AMX_CHECK(to != a && to != b && a != b);
  AMX_CHECK(is->rows[amx_tile(to)] == is->rows[amx_tile(a)]);
  AMX_CHECK(is->row_bytes[to] == is->row_bytes[amx_tile(b)]);
  AMX_CHECK(is->row_bytes[a] == 4 * is->rows[b] && is->row_bytes[to] % 4 == 0);
  for (int m = 0; m < is->rows[to]; m++)
    for (int k = 0; k < is->rows[b]; k++)
      for (int n = 0; n < is->row_bytes[to] / 4; n++) {
        uint32_t sum; /* it wraps */
        memcpy(&sum, &amx.data[to][m][4 * n], 4);
        for (int j = 0; j < 4; j++)
          sum += (uint32_t)(amx.data[a][m][4 * k + j] * (int8_t)amx.data[b][k][4 * n + j]);
        memcpy(&amx.data[to][m][4 * n], &sum, 4);
      }
}

#undef _tile_zero
#undef _tile_loadd
#undef _tile_stream_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig amx_loadconfig
#define _tile_release amx_release
#define _tile_zero amx_zero
#define _tile_loadd amx_load
#define _tile_stream_loadd amx_load
#define _tile_stored amx_store
#define _tile_dpbusd amx_dpbusd

/* Stands in for the question to the processor and the kernel. */
int pbgen_has_avx512(void);
#define pbgen_has_amx amx_is_emulated
__attribute__((weak)) int amx_is_emulated(void)
{
  return pbgen_has_avx512();
}
#endif
