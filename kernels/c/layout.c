#include "layout.h"

#include <string.h>

#define PLAIN_FROM 12 /* images; with fewer, the empty slots of a block cost more than borders */

layout layout_of(const layer_plan *l, uint32_t images)
{
  layout a = {.slots = images, .copies = 1, .pitch = l->size_in, .lines = l->size_in};
  a.chunks = chunks_of(l->c_in * (uint32_t)element_bytes(l));
  if (images >= PLAIN_FROM || l->size_in == 1) {
    const size_t pixels = (size_t)l->size_in * l->size_in;
    a.slots = BLOCK_ROWS;
    a.chunk = BLOCK_ROWS * LINE;
    a.block = a.chunks * a.chunk;
    a.bytes = pixels * a.block;
    return a;
  }
  a.shifted = 1;
  const uint32_t positions = positions_of(l);
  const uint32_t below = positions + (uint32_t)l->d_high;
  a.copies = (uint32_t)(l->d_high - l->d_low + 1);
  a.pitch = positions > l->size_in ? positions : l->size_in;
  a.top = (uint32_t)-l->d_low;
  a.lines = a.top + (below > l->size_in ? below : l->size_in);
  a.block = BLOCK_ROWS * LINE;
  a.copy = (size_t)a.lines * a.pitch * a.slots * LINE;
  a.chunk = a.copies * a.copy;
  a.center = (size_t)-l->d_low * a.copy + (size_t)a.top * a.pitch * a.slots * LINE;
  a.bytes = a.chunks * a.chunk + (BLOCK_ROWS - 1) * LINE; /* tiles read whole blocks */
  return a;
}

void load_latents(const layer_plan *l, const layout *a, const uint8_t *latents, uint32_t images,
                  uint8_t *plane)
{
  const uint32_t per_chunk = LINE / (uint32_t)element_bytes(l);
  memset(plane, 0, a->bytes);
  for (uint32_t image = 0; image < images; image++) {
    const uint8_t *q = latents + (size_t)image * l->c_in;
    for (uint32_t i = 0; i < l->c_in; i++) {
      uint8_t *to = plane + a->center + row_offset(a, 0, 0, image) + i / per_chunk * a->chunk;
      if (l->precision == PBGEN_FLOAT)
        ((float *)(void *)to)[i % per_chunk] = ((float)q[i] - 127.5f) / 127.5f;
      else
        to[i % per_chunk] = q[i];
    }
  }
}

/* One chunk of the unshifted copy -> the copy shifted by dx pixels. */
static void shift_copy(const layout *a, const uint8_t *from, int32_t dx, uint8_t *to)
{
  const size_t line = (size_t)a->pitch * a->slots * LINE;
  const size_t shift = (size_t)(dx < 0 ? -dx : dx) * a->slots * LINE;
  const size_t gone = shift < line ? shift : line, kept = line - gone;
  for (uint32_t y = 0; y < a->lines; y++, from += line, to += line) {
    memset(dx < 0 ? to : to + kept, 0, gone);
    memcpy(dx < 0 ? to + gone : to, dx < 0 ? from : from + gone, kept);
  }
}

void spread(const layer_plan *l, const layout *a, uint8_t *plane)
{
  const size_t pixel = (size_t)a->slots * LINE, line = a->pitch * pixel;
  for (uint32_t chunk = 0; chunk < a->chunks; chunk++) {
    uint8_t *center = plane + chunk * a->chunk + (size_t)-l->d_low * a->copy;
    memset(center, 0, a->top * line);
    for (uint32_t y = a->top; y < a->top + l->size_in; y++)
      memset(center + y * line + l->size_in * pixel, 0, (a->pitch - l->size_in) * pixel);
    memset(center + (a->top + l->size_in) * line, 0, (a->lines - a->top - l->size_in) * line);
    for (int32_t dx = l->d_low; dx <= l->d_high; dx++)
      if (dx)
        shift_copy(a, center, dx, center + dx * (ptrdiff_t)a->copy);
  }
}
