// The square picture that the network was trained on: the arithmetic of `square` in
// alexnet_cli/dataset/images.py, which is Pillow's Image.resize, bilinear with antialiasing.
"use strict";

(() => {
  // Pillow keeps its coefficients as integers of this many bits after the point.
  const PRECISION = 22;
  // Pixels that are read from a picture at once; large canvases fail on telephones.
  const STRIP = 1 << 22;

  /** For every output pixel: the first input pixel, and the weight of each from there on. */
  function coefficients(inputs, outputs) {
    const scale = inputs / outputs;
    const support = Math.max(scale, 1);
    return Array.from({ length: outputs }, (_, i) => {
      const center = (i + 0.5) * scale;
      const first = Math.max(0, Math.trunc(center - support + 0.5));
      const end = Math.min(inputs, Math.trunc(center + support + 0.5));
      const weights = [];
      for (let x = first; x < end; x++) {
        const distance = Math.abs((x - center + 0.5) * (1 / support));
        weights.push(distance < 1 ? 1 - distance : 0);
      }
      const sum = weights.reduce((a, b) => a + b, 0);
      const fixed = weights.map((w) => Math.trunc(0.5 + (w / sum) * 2 ** PRECISION));
      return { first, weights: Int32Array.from(fixed) };
    });
  }

  /** Sets three channels of `out` to weighted sums of pixels that are `step` apart. */
  function weighted(data, at, step, weights, out, to) {
    let red = 1 << (PRECISION - 1);
    let green = red;
    let blue = red;
    for (let i = 0; i < weights.length; i++, at += step) {
      red += Math.imul(data[at], weights[i]);
      green += Math.imul(data[at + 1], weights[i]);
      blue += Math.imul(data[at + 2], weights[i]);
    }
    out[to] = red >> PRECISION;
    out[to + 1] = green >> PRECISION;
    out[to + 2] = blue >> PRECISION;
  }

  /** Resizes `rows` rows of `width` pixels, which become the rows of `out` from `row` on. */
  function horizontally(data, channels, width, rows, taps, out, row) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < taps.length; x++) {
        const at = (y * width + taps[x].first) * channels;
        weighted(data, at, channels, taps[x].weights, out, ((row + y) * taps.length + x) * 3);
      }
    }
  }

  /** Resizes `width` columns, which become the columns of `out` from `column` on. */
  function vertically(data, channels, width, taps, out, outWidth, column) {
    for (let y = 0; y < taps.length; y++) {
      const { first, weights } = taps[y];
      for (let x = 0; x < width; x++) {
        const at = (first * width + x) * channels;
        weighted(data, at, width * channels, weights, out, (y * outWidth + column + x) * 3);
      }
    }
  }

  /** RGB [height, width, 3] of a box of a picture, whose rows are resized first. */
  function rowsFirst(picture, box, columns, rows) {
    const middle = new Uint8ClampedArray(columns.length * box.height * 3);
    const strip = Math.max(1, Math.floor(STRIP / box.width));
    for (let top = 0; top < box.height; top += strip) {
      const count = Math.min(strip, box.height - top);
      const data = picture.rgba(box.left, box.top + top, box.width, count);
      horizontally(data, 4, box.width, count, columns, middle, top);
    }
    const out = new Uint8ClampedArray(columns.length * rows.length * 3);
    vertically(middle, 3, columns.length, rows, out, columns.length, 0);
    return out;
  }

  /** The same of a box whose columns are resized first. */
  function columnsFirst(picture, box, columns, rows) {
    const middle = new Uint8ClampedArray(box.width * rows.length * 3);
    const strip = Math.max(1, Math.floor(STRIP / box.height));
    for (let left = 0; left < box.width; left += strip) {
      const count = Math.min(strip, box.width - left);
      const data = picture.rgba(box.left + left, box.top, count, box.height);
      vertically(data, 4, count, rows, middle, box.width, left);
    }
    const out = new Uint8ClampedArray(columns.length * rows.length * 3);
    horizontally(middle, 3, box.width, rows.length, columns, out, 0);
    return out;
  }

  function resized(picture, box, width, height) {
    // Rounding in between makes the order matter. Pillow has chosen it so since 13.0;
    // before, rows came first always.
    const removed = box.height - height;
    const tall = removed > 0 && removed > 2 * (box.width - width);
    const columns = coefficients(box.width, width);
    const rows = coefficients(box.height, height);
    return (tall ? columnsFirst : rowsFirst)(picture, box, columns, rows);
  }

  /** RGB [size, size, 3] of the whole picture, with gray bars beside or above it. */
  function padded(picture, size, gray) {
    const { width, height } = picture;
    const longest = Math.max(width, height);
    const side = (x) => Math.max(1, Math.floor((x * size + Math.floor(longest / 2)) / longest));
    const [columns, rows] = [side(width), side(height)];
    const inner = resized(picture, { left: 0, top: 0, width, height }, columns, rows);
    const left = Math.floor((size - columns) / 2);
    const top = Math.floor((size - rows) / 2);
    const out = new Uint8ClampedArray(size * size * 3).fill(gray);
    for (let y = 0; y < rows; y++) {
      const row = inner.subarray(y * columns * 3, (y + 1) * columns * 3);
      out.set(row, ((top + y) * size + left) * 3);
    }
    return out;
  }

  /**
   * RGB [size, size, 3], 0 to 255. `mode` is squash, crop or pad; `picture` has a width, a
   * height, and rgba(left, top, width, height), which gives the pixels of a part.
   */
  alexnet.square = (picture, mode, size, gray) => {
    if (mode === "pad") return padded(picture, size, gray);
    const { width, height } = picture;
    if (mode === "squash") {
      return resized(picture, { left: 0, top: 0, width, height }, size, size);
    }
    const side = Math.min(width, height);
    const left = Math.floor((width - side) / 2);
    const top = Math.floor((height - side) / 2);
    return resized(picture, { left, top, width: side, height: side }, size, size);
  };
})();
