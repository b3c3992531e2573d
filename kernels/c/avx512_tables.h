/* Sums by look-up in AVX-512 registers: six inputs are a table of the sums of their 64 subsets, of
 * which vpermb looks up 64 columns' at once. It takes six bits of a byte as the place: so three
 * bytes of a column's weights (24 inputs) are three places as they are, and their other bits are a
 * fourth. Static: each file compiles its own copy. */
#ifndef PBGEN_AVX512_TABLES_H
#define PBGEN_AVX512_TABLES_H

#include <immintrin.h>

#include "rows.h"

#define BASE 40 /* a sum is low + BASE * high, both at most 39: six of either fit a byte */
#define GROUP 3 /* bytes of weights */
#define GROUP_INPUTS 24
#define TABLE_ROWS 2     /* that are looked up together */
#define TABLE (2 * LINE) /* low and high parts: one image's chunks are in a row */
#define COLUMNS 64       /* of a register */
#define CHOOSE 0xe4      /* of a ternary operation: c ? a : b */

/* The tables of `bytes` bytes of a column's weights: one for each, and one for each group. */
INLINE uint32_t tables_of(uint32_t bytes)
{
  return bytes + (bytes + GROUP - 1) / GROUP;
}

/* Two of a table: low parts of all its sums, and high parts. */
static uint32_t table_chunks(uint32_t channels)
{
  const uint32_t bytes = (channels + 7) / 8, all = TABLED / 8;
  return 2 * (bytes / all * tables_of(all) + tables_of(bytes % all));
}

INLINE __m512i pair_at(const uint8_t *bytes)
{
  return _mm512_set1_epi16(*(const int16_t *)(const void *)bytes);
}

/* The sums of the subsets of three pairs of inputs: entry p of those that are bits of p. */
INLINE void tabulate_six(__m512i first, __m512i second, __m512i third, uint8_t *to)
{
  const __m512i base = _mm512_set1_epi16(BASE), part = _mm512_set1_epi16((1 << 16) / BASE + 1);
  /* Word w is entry 16 * (w / 8) + w % 8; that 8 further on has one input more. Packing puts both
   * in order. */
  const long long one = 0x0001000100010001;
  const __m512i bits_0_1 = _mm512_set1_epi64(0x0101010000010000);
  const __m512i bit_2 = _mm512_setr_epi64(0, one, 0, one, 0, one, 0, one);
  const __m512i bits_4_5 =
      _mm512_setr_epi64(0, 0, one, one, one << 8, one << 8, one | one << 8, one | one << 8);
  const __m512i ends = _mm512_add_epi16(_mm512_maddubs_epi16(first, bits_0_1),
                                        _mm512_maddubs_epi16(third, bits_4_5));
  const __m512i even = _mm512_add_epi16(ends, _mm512_maddubs_epi16(second, bit_2));
  const __m512i odd = _mm512_add_epi16(even, _mm512_srli_epi16(second, 8));
  const __m512i high_even = _mm512_mulhi_epu16(even, part);
  const __m512i high_odd = _mm512_mulhi_epu16(odd, part);
  const __m512i low_even = _mm512_sub_epi16(even, _mm512_mullo_epi16(high_even, base));
  const __m512i low_odd = _mm512_sub_epi16(odd, _mm512_mullo_epi16(high_odd, base));
  _mm512_store_si512(to, _mm512_packus_epi16(low_even, low_odd));
  _mm512_store_si512(to + LINE, _mm512_packus_epi16(high_even, high_odd));
}

static int32_t tabulate(const uint8_t *bytes, uint32_t channels, uint8_t *to, size_t chunk)
{
  (void)chunk; /* LINE */
  __m512i sum = _mm512_setzero_si512();
  for (uint32_t at = 0; at < channels; at += LINE)
    sum = _mm512_add_epi64(sum,
                           _mm512_sad_epu8(_mm512_loadu_si512(bytes + at), _mm512_setzero_si512()));
  for (uint32_t left = (channels + 7) / 8; left; bytes += GROUP_INPUTS) {
    const uint32_t count = left < GROUP ? left : GROUP;
    for (uint32_t i = 0; i < count; i++, to += TABLE)
      tabulate_six(pair_at(bytes + 8 * i), pair_at(bytes + 8 * i + 2), pair_at(bytes + 8 * i + 4),
                   to);
    tabulate_six(pair_at(bytes + 6), pair_at(bytes + 14), pair_at(bytes + 22), to);
    to += TABLE, left -= count;
  }
  return (int32_t)_mm512_reduce_add_epi64(sum);
}

/* What one row and a register of columns have found: in bytes, and joined. */
typedef struct found {
  __m512i low, high;
  __m512i words[2]; /* of columns 0 ... 31, and of the others */
} found;

INLINE void add_found(__m512i *sums, __m512i table, __m512i place)
{
  *sums = _mm512_add_epi8(*sums, _mm512_permutexvar_epi8(place, table));
  /* What is looked up may not be added in another order: that would take more registers. */
  __asm__("" : "+v"(*sums));
}

/* One table, in all registers of columns. */
INLINE void look_up(found *f, const uint8_t *table, const __m512i place[2], uint32_t registers)
{
  __m512i low = _mm512_load_si512(table), high = _mm512_load_si512(table + LINE);
  __asm__("" : "+v"(low), "+v"(high)); /* loaded once */
  add_found(&f[0].low, low, place[0]);
  add_found(&f[0].high, high, place[0]);
  if (registers == 2) {
    add_found(&f[1].low, low, place[1]);
    add_found(&f[1].high, high, place[1]);
  }
}

INLINE void join_bytes(found *f)
{
  const __m512i worth = _mm512_set1_epi16(BASE << 8 | 1);
  const __m512i first = _mm512_unpacklo_epi8(f->low, f->high);
  const __m512i second = _mm512_unpackhi_epi8(f->low, f->high);
  f->words[0] = _mm512_add_epi16(f->words[0], _mm512_maddubs_epi16(first, worth));
  f->words[1] = _mm512_add_epi16(f->words[1], _mm512_maddubs_epi16(second, worth));
  f->low = f->high = _mm512_setzero_si512();
}

/* A place in the weights of a panel, and in the tables of two rows. */
typedef struct place {
  const uint8_t *weights, *tables[TABLE_ROWS];
} place;

/* Table n of a group, in all rows; if `join`, bytes are full then. */
INLINE void look_up_rows(found f[4], const place *at, uint32_t n, const __m512i places[2], int join,
                         uint32_t rows, uint32_t registers)
{
  look_up(&f[0], at->tables[0] + n * TABLE, places, registers);
  if (rows == 2)
    look_up(&f[2], at->tables[1] + n * TABLE, places, registers);
  if (!join)
    return;
  join_bytes(&f[0]);
  if (registers == 2)
    join_bytes(&f[1]);
  if (rows == 2)
    join_bytes(&f[2]);
  if (rows == 2 && registers == 2)
    join_bytes(&f[3]);
}

/* Bits 6 and 7 of three bytes; bits 6 and 7 of the result do not matter. */
INLINE __m512i fourth_place(__m512i first, __m512i second, __m512i third)
{
  const __m512i two = _mm512_set1_epi8(3), four = _mm512_set1_epi8(15);
  const __m512i both = _mm512_ternarylogic_epi64(_mm512_srli_epi16(first, 6),
                                                 _mm512_srli_epi16(second, 4), two, CHOOSE);
  return _mm512_ternarylogic_epi64(both, _mm512_srli_epi16(third, 2), four, CHOOSE);
}

/* The tables of a group of `bytes` bytes; bytes are full behind table `join`. */
INLINE void look_up_group(found f[4], place *at, uint32_t bytes, uint32_t join, uint32_t rows,
                          uint32_t registers)
{
  const size_t step = registers * COLUMNS, other = step - COLUMNS;
  const uint8_t *b = at->weights, *c = bytes > 1 ? b + step : b, *d = bytes > 2 ? c + step : b;
  const __m512i first[2] = {_mm512_load_si512(b), _mm512_load_si512(b + other)};
  const __m512i second[2] = {_mm512_load_si512(c), _mm512_load_si512(c + other)};
  const __m512i third[2] = {_mm512_load_si512(d), _mm512_load_si512(d + other)};
  look_up_rows(f, at, 0, first, join == 0, rows, registers);
  if (bytes > 1)
    look_up_rows(f, at, 1, second, join == 1, rows, registers);
  if (bytes > 2)
    look_up_rows(f, at, 2, third, join == 2, rows, registers);
  const __m512i fourth[2] = {fourth_place(first[0], second[0], third[0]),
                             fourth_place(first[1], second[1], third[1])};
  look_up_rows(f, at, bytes, fourth, join == bytes, rows, registers);
  at->weights += bytes * step;
  at->tables[0] += (bytes + 1) * TABLE, at->tables[1] += (bytes + 1) * TABLE;
}

/* acc = or += what was found. */
INLINE void add_words(const found *f, int first, int32_t *acc)
{
  const __m512i zero = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (uint32_t q = 0; q < 4; q++) {
    const __m512i words = f->words[q / 2];
    const __m512i sums =
        q % 2 ? _mm512_unpackhi_epi16(words, zero) : _mm512_unpacklo_epi16(words, zero);
    int32_t *to = acc + q * LANES;
    _mm512_store_si512(to, first ? sums : _mm512_add_epi32(_mm512_load_si512(to), sums));
  }
}

/* acc = or += up to TABLED inputs of `rows` rows: `bytes` bytes of each column's weights. */
INLINE void add_tabled(place at, uint32_t bytes, int first, uint32_t rows, uint32_t registers,
                       int32_t *const *acc)
{
  const __m512i zero = _mm512_setzero_si512();
  const found none = {zero, zero, {zero, zero}};
  found f[4] = {none, none, none, none};
  for (; bytes >= 3 * GROUP; bytes -= 3 * GROUP) { /* six tables twice */
    look_up_group(f, &at, GROUP, GROUP + 1, rows, registers);
    look_up_group(f, &at, GROUP, 1, rows, registers);
    look_up_group(f, &at, GROUP, GROUP, rows, registers);
  }
  for (; bytes >= GROUP; bytes -= GROUP)
    look_up_group(f, &at, GROUP, GROUP, rows, registers);
  if (bytes == 2)
    look_up_group(f, &at, 2, 2, rows, registers);
  else if (bytes == 1)
    look_up_group(f, &at, 1, 1, rows, registers);
  add_words(&f[0], first, acc[0]);
  if (registers == 2)
    add_words(&f[1], first, acc[0] + COLUMNS);
  if (rows == 2)
    add_words(&f[2], first, acc[1]);
  if (rows == 2 && registers == 2)
    add_words(&f[3], first, acc[1] + COLUMNS);
}

/* Twice the sums of the weights that are +1, less those of all. */
static void finish_sums(const tile *t, size_t offset, uint32_t registers, int32_t *acc)
{
  int32_t all = 0;
  for (uint32_t k = 0; k < t->taps; k++)
    all += *(const int32_t *)(const void *)(t->a[k] + offset + table_chunks(t->channels) * LINE);
  for (uint32_t i = 0; i < registers * COLUMNS; i += LANES)
    _mm512_store_si512(acc + i, _mm512_sub_epi32(_mm512_slli_epi32(_mm512_load_si512(acc + i), 1),
                                                 _mm512_set1_epi32(all)));
}

/* Up to eight rows, two at a time: the weights of TABLED inputs stay in L1 for all. */
INLINE void tables_of_rows(const tile *t, const row_group *g, uint32_t rows, uint32_t registers)
{
  int first = 1;
  for (uint32_t k = 0; k < t->taps; k++) {
    const uint8_t *b = t->b[k], *a = t->a[k];
    for (uint32_t left = (t->channels + 7) / 8, bytes; left; left -= bytes) {
      bytes = left < TABLED / 8 ? left : TABLED / 8;
      for (uint32_t r = 0; r < rows; r += TABLE_ROWS) {
        const place at = {b, {a + g->offset[r], a + g->offset[r + 1]}};
        if (rows - r == 1)
          add_tabled(at, bytes, first, 1, registers, g->acc + r);
        else
          add_tabled(at, bytes, first, TABLE_ROWS, registers, g->acc + r);
      }
      first = 0, a += tables_of(bytes) * TABLE, b += bytes * registers * COLUMNS;
    }
  }
  for (uint32_t r = 0; r < rows; r++)
    finish_sums(t, g->offset[r], registers, g->acc[r]);
}

static void sum_tables(const tile *t, int32_t *acc)
{
  if (!t->taps)
    memset(acc, 0, (size_t)t->blocks * BLOCK_ROWS * t->halves * LANES * sizeof(int32_t));
  row_group g;
  uint32_t block = 0, row = 0, rows;
  while (t->taps && (rows = next_rows(t, &block, &row, MOST_ROWS, acc, &g)))
    t->halves == 8 ? tables_of_rows(t, &g, rows, 2) : tables_of_rows(t, &g, rows, 1);
}

static const lookup tables = {
    .images = 1, /* so a row's chunks are in a row, LINE apart */
    .halves = 8,
    .columns = 64,
    .lanes = 4,
    .chunks = table_chunks,
    .tabulate = tabulate,
    .sum = sum_tables,
};

#endif
