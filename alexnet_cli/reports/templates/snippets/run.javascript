// alexnet serve --model .   (or TensorFlow Serving, which takes the same request)
const { readFile } = require("node:fs/promises");

(async () => {
  const b64 = (await readFile("image.jpg")).toString("base64");
  const answer = await fetch("http://127.0.0.1:8080/v1/models/NAME:predict", {
    method: "POST",
    body: JSON.stringify({ instances: [{ b64 }] }),
  });
  console.log((await answer.json()).predictions[0]);
})();
