// npm install onnxruntime-node sharp
const ort = require("onnxruntime-node"), sharp = require("sharp");

(async () => {
  const { size } = require("./run.json").preprocess;
  const image = sharp("image.jpg").rotate().flatten({ background: "white" }).toColorspace("srgb");
  const pixels = await image.resize(size, size, { fit: FIT, kernel: "linear" }).raw().toBuffer();
  const session = await ort.InferenceSession.create("model.onnx");
  const tensor = new ort.Tensor("uint8", new Uint8Array(pixels), [1, size, size, 3]);
  console.log((await session.run({ pixels: tensor })).probabilities.data);
})();
