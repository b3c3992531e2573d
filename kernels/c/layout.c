#include "layout.h"

#include <string.h>

#define SHIFTED_BELOW 16 /* images for which the shifted layout is used */

layout layout_of(const layer_plan *l, uint32_t images)
{
  layout a = {.images = images, .copies = 1, .pitch = l->size_in, .rows = l->size_in};
  a.channel_bytes = round_up(l->c_in * element_bytes(l), 64);
  if (images < SHIFTED_BELOW && l->d_low != l->d_high) {
    const uint32_t positions = positions_of(l);
    const uint32_t below = positions + (uint32_t)(l->d_high > 0 ? l->d_high : 0);
    const uint32_t above = (uint32_t)(l->d_low < 0 ? -l->d_low : 0);
    a.copies = (uint32_t)(l->d_high - l->d_low + 1);
    a.pitch = positions > l->size_in ? positions : l->size_in;
    a.top = above;
    a.rows = above + (below > l->size_in ? below : l->size_in);
  }
  a.plane_bytes = (size_t)a.rows * a.pitch * images * a.channel_bytes;
  a.center = (a.copies > 1 ? (size_t)-l->d_low * a.plane_bytes : 0) +
             (size_t)a.top * a.pitch * images * a.channel_bytes;
  /* Tiles are read in whole sixteens of rows. */
  a.bytes = a.copies * a.plane_bytes + 15 * a.channel_bytes;
  return a;
}

void load_latents(const layer_plan *l, const layout *a, const uint8_t *latents, uint8_t *plane)
{
  memset(plane, 0, a->bytes);
  for (uint32_t image = 0; image < a->images; image++) {
    const uint8_t *q = latents + (size_t)image * l->c_in;
    uint8_t *to = plane + a->center + image * a->channel_bytes;
    if (l->precision != PBGEN_FLOAT)
      memcpy(to, q, l->c_in);
    else
      for (uint32_t i = 0; i < l->c_in; i++)
        ((float *)(void *)to)[i] = ((float)q[i] - 127.5f) / 127.5f;
  }
}

void spread(const layer_plan *l, const layout *a, uint8_t *plane)
{
  const size_t pixel = a->images * a->channel_bytes, row = a->pitch * pixel;
  uint8_t *center = plane + (size_t)-l->d_low * a->plane_bytes;
  memset(center, 0, a->top * row);
  for (uint32_t y = a->top; y < a->top + l->size_in; y++)
    memset(center + y * row + l->size_in * pixel, 0, (a->pitch - l->size_in) * pixel);
  memset(center + (a->top + l->size_in) * row, 0, (a->rows - a->top - l->size_in) * row);
  for (int32_t dx = l->d_low; dx <= l->d_high; dx++) {
    if (dx == 0)
      continue;
    uint8_t *copy = center + dx * (ptrdiff_t)a->plane_bytes;
    const size_t shift = (size_t)(dx < 0 ? -dx : dx) * pixel, kept = row > shift ? row - shift : 0;
    const size_t gone = row - kept;
    for (uint32_t y = 0; y < a->rows; y++) {
      uint8_t *to = copy + y * row;
      const uint8_t *from = center + y * row;
      memset(dx < 0 ? to : to + kept, 0, gone);
      memcpy(dx < 0 ? to + gone : to, dx < 0 ? from : from + gone, kept);
    }
  }
}
