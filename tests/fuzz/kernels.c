/* A libFuzzer target: any geometry is refused or runs, and every instruction set gives the same
 * pixels as the first. Weights keep the bounds of docs/arithmetic.md, as kernels/spec.py sees to;
 * memory is exactly as large as the library asks for, so a sanitizer sees a byte beyond.
 *
 * Input: images, layers, precisions, a seed of all arrays; then for each layer c_in,
 * c_out, kernel, stride, padding, size_in as 16-bit numbers, taken as they are or, where the top
 * bit is set, chosen so that the layers chain. */
#include <stdlib.h>
#include <string.h>

#include "pbgen.h"

#define MOST_BYTES (1u << 22)
#define MOST_WORK (1u << 24)
#define INT32_LARGEST 2147483647

typedef struct reader {
  const uint8_t *at, *end;
} reader;

static uint32_t take16(reader *r)
{
  uint32_t value = 0;
  for (int i = 0; i < 2; i++)
    value |= r->at < r->end ? (uint32_t)*r->at++ << (8 * i) : 0;
  return value;
}

static uint32_t random_bits(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static uint32_t range(uint32_t drawn, uint32_t low, uint32_t high)
{
  return low + drawn % (high - low + 1);
}

static void check(int condition)
{
  if (!condition)
    abort();
}

static void *aligned(size_t bytes, int fill)
{
  void *memory = NULL;
  check(posix_memalign(&memory, PBGEN_ALIGNMENT, bytes ? bytes : 1) == 0);
  return memset(memory, fill, bytes);
}

/* The next layer's geometry; `before` is NULL at the first. */
static void read_layer(reader *r, const pbgen_layer *before, int last, pbgen_layer *l)
{
  uint32_t size = 1;
  if (before)
    size = (before->size_in - 1) * before->stride - 2 * before->padding + before->kernel;
  uint32_t drawn[6];
  for (int i = 0; i < 6; i++)
    drawn[i] = take16(r);
  const int free_form = drawn[0] & 0x8000 && drawn[1] & 0x8000;
  l->c_in = free_form ? drawn[0] * 3 : before ? before->c_out : range(drawn[0], 1, 300);
  const uint32_t columns = drawn[1] & 0x4000 ? 64 * range(drawn[1], 1, 4) : range(drawn[1], 1, 300);
  l->c_out = free_form ? drawn[1] * 3 : last ? 3 : columns; /* full registers are looked up */
  l->kernel = free_form ? drawn[2] : range(drawn[2], 1, PBGEN_MAX_KERNEL);
  l->stride = free_form ? drawn[3] : range(drawn[3], 1, drawn[3] & 0x8000 ? PBGEN_MAX_KERNEL : 2);
  l->padding = free_form ? drawn[4] : range(drawn[4], 0, l->kernel - 1);
  l->size_in = free_form ? drawn[5] : size;
}

/* Fills the layer's arrays; the caller frees them. */
static void make_arrays(pbgen_layer *l, int last, uint32_t *seed)
{
  const size_t taps = (size_t)l->kernel * l->kernel, rows = taps * l->c_out;
  const size_t row_bytes = (l->c_in + 7) / 8, count = rows * l->c_in;
  const int32_t bound = (int32_t)(INT32_LARGEST / 255 / (taps * l->c_in));
  const int32_t largest = bound < 32639 ? bound : 32639;
  float *scale = malloc(l->c_out * sizeof(float)), *shift = malloc(l->c_out * sizeof(float));
  for (uint32_t o = 0; o < l->c_out; o++) {
    const float spread = l->precision == PBGEN_FLOAT   ? 1.0f
                         : l->precision == PBGEN_FIXED ? 2.0f / (float)largest
                                                       : 1.0f;
    scale[o] = spread * (last ? 8.0f : 1.0f) * (float)(random_bits(seed) % 1000) / 1000.0f;
    shift[o] = (last ? 2048.0f : 60.0f) * (float)(random_bits(seed) % 1000) / 1000.0f;
  }
  if (l->precision == PBGEN_FLOAT) {
    float *weight = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
      weight[i] = (float)(int32_t)(random_bits(seed) % 2001 - 1000) / 1000.0f;
    l->weight = weight;
  } else if (l->precision == PBGEN_FIXED) {
    int16_t *weight = malloc(count * sizeof(int16_t));
    for (size_t i = 0; i < count; i++)
      weight[i] = (int16_t)((int32_t)(random_bits(seed) % (2 * (uint32_t)largest + 1)) - largest);
    l->weight = weight;
  } else {
    uint8_t *weight = malloc(rows * row_bytes);
    for (size_t i = 0; i < rows * row_bytes; i++)
      weight[i] = (uint8_t)random_bits(seed);
    l->weight = weight;
  }
  l->scale = scale, l->shift = shift;
}

static size_t work_of(const pbgen_layer *l)
{
  return (size_t)l->kernel * l->kernel * l->c_in * l->c_out * l->size_in * l->size_in;
}

/* The images of one instruction set, or NULL where it is absent or would take too much memory. */
static uint8_t *run(const pbgen_layer *layers, uint32_t count, uint32_t isa, size_t prepared_bytes,
                    uint32_t images, const uint8_t *latents, size_t pixel_bytes)
{
  uint8_t table[PBGEN_TANH_LEVELS];
  for (uint32_t i = 0; i < PBGEN_TANH_LEVELS; i++)
    table[i] = (uint8_t)(i ^ i >> 4);
  uint8_t *prepared = aligned(prepared_bytes, 0xa5);
  check(pbgen_prepare(layers, count, table, isa, prepared, prepared_bytes - 1) ==
        (pbgen_isa_available(isa) ? PBGEN_BAD_MEMORY : PBGEN_BAD_ISA));
  const int status = pbgen_prepare(layers, count, table, isa, prepared, prepared_bytes);
  size_t bytes = MOST_BYTES + 1;
  uint8_t *pixels = NULL;
  check(status == (pbgen_isa_available(isa) ? PBGEN_OK : PBGEN_BAD_ISA));
  if (!status)
    pbgen_scratch_bytes(prepared, images, 1, &bytes);
  if (bytes <= MOST_BYTES) {
    uint8_t *scratch = aligned(bytes, 0xa5); /* what an earlier call may have left */
    memset(scratch, 0, 64);
    pixels = aligned(pixel_bytes, 0);
    check(pbgen_run(prepared, latents, images, pixels, scratch, bytes - 1, NULL, 1) ==
          PBGEN_BAD_MEMORY);
    check(pbgen_run(prepared, latents, images, pixels, scratch, bytes, NULL, 2) == PBGEN_BAD_TEAM);
    check(pbgen_run(prepared, latents, images, pixels, scratch, bytes, NULL, 1) == PBGEN_OK);
    free(scratch);
  }
  free(prepared);
  return pixels;
}

static void compare(const pbgen_layer *layers, uint32_t count, size_t prepared_bytes,
                    uint32_t images, uint32_t seed)
{
  const pbgen_layer *end = &layers[count - 1];
  const size_t size = (end->size_in - 1) * end->stride - 2 * end->padding + end->kernel;
  const size_t latent_bytes = (size_t)images * layers->c_in, pixel_bytes = images * size * size * 3;
  uint8_t *latents = malloc(latent_bytes), *first = NULL;
  for (size_t i = 0; i < latent_bytes; i++)
    latents[i] = (uint8_t)random_bits(&seed);
  for (uint32_t isa = 0; pbgen_isa_name(isa); isa++) {
    uint8_t *pixels = run(layers, count, isa, prepared_bytes, images, latents, pixel_bytes);
    check(!first || !pixels || memcmp(first, pixels, pixel_bytes) == 0);
    if (first)
      free(pixels);
    else
      first = pixels;
  }
  free(first);
  free(latents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  reader r = {data, data + size};
  const uint32_t images = range(take16(&r), 1, 40), count = range(take16(&r), 1, 5);
  const uint32_t precision = take16(&r);
  const uint32_t kinds[4] = {PBGEN_BINARY, PBGEN_FIXED, PBGEN_XNOR, PBGEN_FLOAT};
  uint32_t seed = take16(&r);
  pbgen_layer layers[PBGEN_MAX_LAYERS] = {0};
  size_t work = 0, prepared_bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    read_layer(&r, i ? &layers[i - 1] : NULL, i + 1 == count, &layers[i]);
    layers[i].precision = kinds[precision % 4 == 3 ? 3 : (precision >> (2 * i)) % 3];
  }
  if (pbgen_prepared_bytes(layers, count, &prepared_bytes)) {
    check(prepared_bytes == 0);
    return 0;
  }
  for (uint32_t i = 0; i < count; i++)
    work += work_of(&layers[i]) * images;
  if (work > MOST_WORK || prepared_bytes > MOST_BYTES)
    return 0;
  for (uint32_t i = 0; i < count; i++)
    make_arrays(&layers[i], i + 1 == count, &seed);
  compare(layers, count, prepared_bytes, images, seed);
  for (uint32_t i = 0; i < count; i++) {
    free((void *)(uintptr_t)layers[i].weight);
    free((void *)(uintptr_t)layers[i].scale);
    free((void *)(uintptr_t)layers[i].shift);
  }
  return 0;
}
