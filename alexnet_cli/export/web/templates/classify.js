// From a file or its bytes to the probabilities of classes; `alexnet.classify` is for all.
"use strict";

(() => {
  const { settings } = alexnet;
  const pieces = { runtime: [], model: [] };
  // The first two bytes of what is compressed.
  const GZIP = [0x1f, 0x8b];

  /** Takes the next piece of the runtime or of the model. */
  alexnet.add = (name, base64) => {
    const whole = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(base64)
      : Uint8Array.from(atob(base64), (x) => x.charCodeAt(0));
    pieces[name].push(whole);
  };

  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** The bytes of `name`, which are given away. */
  async function unpacked(name) {
    if (!pieces[name].length) throw new Error(`The file ${name}.js beside this page is missing.`);
    const parts = pieces[name];
    pieces[name] = [];
    if (parts[0][0] !== GZIP[0] || parts[0][1] !== GZIP[1]) return joined(parts);
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Whether pixels are read back from a canvas as they were drawn. */
  function canvasIsExact() {
    const side = 16;
    const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
    const drawn = new ImageData(side, side);
    drawn.data.forEach((_, i) => {
      drawn.data[i] = i % 4 === 3 ? 255 : (i * 7) % 256;
    });
    context.putImageData(drawn, 0, 0);
    const found = context.getImageData(0, 0, side, side).data;
    return found.every((x, i) => x === drawn.data[i]);
  }

  async function loaded() {
    if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function"
        || typeof OffscreenCanvas !== "function") {
      throw new Error("This browser is too old for this page; please update it.");
    }
    if (typeof LiteRT !== "object") throw new Error("The file litert.js beside this page is missing.");
    if (!canvasIsExact()) {
      throw new Error("This browser changes the pixels of pictures to prevent tracking; allow this page to read canvases.");
    }
    const runtime = await LiteRT.load(await unpacked("runtime"));
    return runtime.loadAndCompile(await unpacked("model"), { accelerator: "wasm" });
  }

  /** The pixels of a part of an upright picture: transparency on white, sRGB. */
  function reader(bitmap) {
    let context;
    const rgba = (left, top, width, height) => {
      if (context?.canvas.width !== width || context.canvas.height !== height) {
        const canvas = new OffscreenCanvas(width, height);
        context = canvas.getContext("2d", { willReadFrequently: true });
      }
      context.fillStyle = "#fff";
      context.fillRect(0, 0, width, height);
      context.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
      return context.getImageData(0, 0, width, height).data;
    };
    return { width: bitmap.width, height: bitmap.height, rgba };
  }

  /** Whether a file is a PNG with 16 bits per channel, of which a browser keeps 8. */
  async function isDeep(blob) {
    const head = new Uint8Array(await blob.slice(0, 25).arrayBuffer());
    return head[0] === 0x89 && head[1] === 0x50 && head[24] === 16;
  }

  /** RGB [size, size, 3] of a picture: what the network is given. */
  alexnet.pixels = async (source) => {
    const blob = source instanceof Blob ? source : new Blob([source]);
    if (settings.whiteLevel && (await isDeep(blob))) {
      throw new Error("This picture has 16 bits per channel, of which a browser keeps 8: use alexnet predict.");
    }
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      throw new Error("This is not a picture that this browser can read, or it is damaged.");
    }
    try {
      const { width, height } = bitmap;
      if (width * height > settings.maxPixels) {
        const most = settings.maxPixels / 1e6;
        throw new Error(`This picture has ${width} x ${height} pixels, more than ${most} million.`);
      }
      return alexnet.square(reader(bitmap), settings.resize, settings.size, settings.padGray);
    } finally {
      bitmap.close();
    }
  };

  /** The probabilities of the classes, in their order. */
  async function probabilities(network, pixels) {
    const shape = [1, settings.size, settings.size, 3];
    const input = new LiteRT.Tensor(Float32Array.from(pixels), shape);
    try {
      const [output] = await network.run([input]);
      const values = await output.data();
      output.delete();
      return Array.from(values);
    } finally {
      input.delete();
    }
  }

  async function classified(source) {
    const network = await alexnet.ready;
    const start = performance.now();
    const values = await probabilities(network, await alexnet.pixels(source));
    const classes = settings.classes.map((label, i) => ({ label, probability: values[i] }));
    // Stable: equal probabilities stay in the order of the classes.
    classes.sort((a, b) => b.probability - a.probability);
    const [best] = classes;
    const rejected = best.probability < settings.threshold;
    const label = rejected ? "unknown" : best.label;
    return { label, rejected, classes, milliseconds: performance.now() - start };
  }

  let last = Promise.resolve();

  /**
   * {label, rejected, classes: [{label, probability}], milliseconds} of a picture, a Blob or
   * bytes; the most probable class comes first. What is rejected has the label "unknown", as
   * a class may have too. Pictures wait for each other.
   */
  alexnet.classify = (source) => {
    const result = last.then(() => classified(source));
    last = result.catch(() => {});
    return result;
  };

  /** Kept once all scripts have run: the network, or why there is none. */
  alexnet.ready = new Promise((resolve) => {
    addEventListener("DOMContentLoaded", () => resolve(loaded()));
  });
  alexnet.ready.catch(() => {});
})();
