/* AMX int8: 16 rows x 16 columns x 64 inputs an instruction. The rest is AVX-512's. */
#include "avx512.h"
#include "cpu_x86.h"

/* Tiles 0 ... 3 accumulate (rows x halves), 4 and 5 hold activations, 6 and 7 weights. */
static const struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} __attribute__((aligned(64))) configuration = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

static inline __attribute__((always_inline)) void multiply(const tile *t, int two_rows,
                                                           int two_halves, int32_t *acc)
{
  const size_t b_stride = two_halves ? 128 : 64;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (uint32_t i = 0; i < t->taps; i++) {
    const uint8_t *a = t->a[i];
    const int8_t *b = t->b[i];
    for (uint32_t k = 0; k < t->channels; k += 64, a += 64, b += 16 * b_stride) {
      _tile_loadd(4, a, t->stride);
      _tile_loadd(6, b, b_stride);
      _tile_dpbusd(0, 4, 6);
      if (two_halves) {
        _tile_loadd(7, b + 64, b_stride);
        _tile_dpbusd(1, 4, 7);
      }
      if (two_rows) {
        _tile_loadd(5, a + 16 * t->stride, t->stride);
        _tile_dpbusd(2, 5, 6);
        if (two_halves)
          _tile_dpbusd(3, 5, 7);
      }
    }
  }
  _tile_stored(0, acc, b_stride);
  if (two_halves)
    _tile_stored(1, acc + LANES, b_stride);
  if (two_rows) {
    _tile_stored(2, acc + 4 * b_stride, b_stride);
    if (two_halves)
      _tile_stored(3, acc + 4 * b_stride + LANES, b_stride);
  }
}

static void sum_bytes(const tile *t, int32_t *acc)
{
  _tile_loadconfig(&configuration);
  if (t->rows > 16)
    t->halves == 2 ? multiply(t, 1, 1, acc) : multiply(t, 1, 0, acc);
  else
    t->halves == 2 ? multiply(t, 0, 1, acc) : multiply(t, 0, 0, acc);
  _tile_release();
}

const isa pbgen_amx = {"amx", pbgen_has_amx, expand, sum_bytes, sum_floats, finish_bytes};
