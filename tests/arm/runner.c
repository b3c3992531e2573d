/* The smallest user of the ABI: a generator and latents from standard input, pixels to standard
 * output.
 *
 *   runner ISA < (u32 layers, images, image bytes, latent bytes; the tanh table;
 *                 for each layer: c_in c_out kernel stride padding size_in precision, weight bytes,
 *                 weights, scales, shifts; latents) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pbgen.h"

static void fail(const char *what)
{
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void *read_bytes(size_t bytes)
{
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory || fread(memory, 1, bytes, stdin) != bytes)
    fail("input ends early");
  return memory;
}

static void *aligned_zeros(size_t bytes)
{
  const size_t whole = (bytes + PBGEN_ALIGNMENT - 1) / PBGEN_ALIGNMENT * PBGEN_ALIGNMENT;
  void *memory = aligned_alloc(PBGEN_ALIGNMENT, whole);
  if (!memory)
    fail("no memory");
  return memset(memory, 0, whole);
}

static uint32_t find_isa(const char *name)
{
  for (uint32_t i = 0; pbgen_isa_name(i); i++)
    if (strcmp(pbgen_isa_name(i), name) == 0)
      return i;
  fail("no such instruction set in this build");
  return 0;
}

int main(int count, char **arguments)
{
  if (count != 2)
    fail("usage: runner ISA");
  const uint32_t isa = find_isa(arguments[1]);
  const uint32_t *head = read_bytes(16);
  const uint32_t layer_count = head[0], images = head[1];
  const uint8_t *table = read_bytes(PBGEN_TANH_LEVELS);
  pbgen_layer layers[PBGEN_MAX_LAYERS] = {0};
  for (uint32_t i = 0; i < layer_count && i < PBGEN_MAX_LAYERS; i++) {
    const uint32_t *shape = read_bytes(32);
    memcpy(&layers[i], shape, 28);
    layers[i].weight = read_bytes(shape[7]);
    layers[i].scale = read_bytes(4 * (size_t)shape[1]);
    layers[i].shift = read_bytes(4 * (size_t)shape[1]);
  }
  const uint8_t *latents = read_bytes(head[3]);
  size_t prepared_bytes, scratch_bytes;
  if (pbgen_prepared_bytes(layers, layer_count, &prepared_bytes))
    fail("geometry refused");
  void *prepared = aligned_zeros(prepared_bytes);
  if (pbgen_prepare(layers, layer_count, table, isa, prepared, prepared_bytes))
    fail("not prepared: is the instruction set there?");
  pbgen_scratch_bytes(prepared, images, 1, &scratch_bytes);
  uint8_t *pixels = read_bytes(0);
  pixels = realloc(pixels, head[2]);
  if (!pixels || pbgen_run(prepared, latents, images, pixels, aligned_zeros(scratch_bytes),
                           scratch_bytes, NULL, 1))
    fail("run failed");
  return fwrite(pixels, 1, head[2], stdout) == head[2] ? 0 : 1;
}
