// The page: how pictures come in, and how results are shown.
"use strict";

(() => {
  const SHOWN = 5;
  const at = (id) => document.getElementById(id);
  const stage = at("stage");
  const status = at("status");
  const video = at("video");
  let newest = 0;

  const percent = (x) => `${(100 * x).toFixed(1)}%`;

  function element(name, content, className = "") {
    const made = document.createElement(name);
    made.append(...[content].flat());
    made.className = className;
    return made;
  }

  /** One line instead of a result. */
  function say(line, isError = false) {
    status.textContent = line;
    status.classList.toggle("error", isError);
    status.hidden = !line;
    at("answer").hidden = true;
  }

  function row({ label, probability }) {
    const fill = element("div", []);
    fill.style.width = percent(probability);
    const bar = element("div", fill, "bar");
    bar.setAttribute("aria-hidden", "true");
    const share = element("span", percent(probability), "percent");
    return element("li", [element("bdi", label), share, bar]);
  }

  function show({ label, rejected, classes, milliseconds }) {
    const { threshold } = alexnet.settings;
    const time = `${Math.max(1, Math.round(milliseconds))} ms`;
    say("");
    at("label").textContent = label;
    at("detail").textContent = rejected
      ? `No class reaches ${percent(threshold)} · ${time}`
      : `${percent(classes[0].probability)} · ${time}`;
    at("classes").replaceChildren(...classes.slice(0, SHOWN).map(row));
    at("answer").hidden = false;
  }

  /** Shows one of preview, video and hint. */
  function fill(id) {
    for (const each of ["preview", "video", "hint"]) at(each).hidden = each !== id;
    stage.classList.toggle("filled", id !== "hint");
  }

  function preview(picture) {
    const image = at("preview");
    URL.revokeObjectURL(image.src);
    if (!picture) return fill("hint");
    image.src = URL.createObjectURL(picture);
    return fill("preview");
  }

  async function open(picture) {
    stopCamera();
    newest += 1;
    const mine = newest;
    preview(picture);
    say("Looking …");
    try {
      // The browser paints before the network keeps it busy.
      await new Promise((resolve) => setTimeout(resolve, 30));
      const result = await alexnet.classify(picture);
      if (mine === newest) show(result);
    } catch (error) {
      if (mine !== newest) return;
      preview(null);
      say(error.message, true);
    }
  }

  function openFirst(files, otherwise) {
    if (files.length) open(files[0]);
    else say(otherwise, true);
  }

  function showCamera(isOn) {
    at("take").hidden = !isOn;
    at("stop").hidden = !isOn;
    for (const id of ["camera", "file", "choose"]) at(id).hidden = isOn;
  }

  function stopCamera() {
    if (!video.srcObject) return;
    for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
    showCamera(false);
    fill("hint");
  }

  const CAMERA_ERRORS = {
    NotAllowedError: "The camera was refused: allow it in the browser's settings of this page.",
    NotFoundError: "There is no camera on this device.",
    NotReadableError: "The camera is used by another program.",
  };

  async function startCamera() {
    if (!navigator.mediaDevices?.getUserMedia) {
      say("This browser gives the camera only to pages from https:// or localhost.", true);
      return;
    }
    try {
      const wanted = { video: { facingMode: "environment" } };
      video.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      say(CAMERA_ERRORS[error.name] ?? `The camera does not start: ${error.name}.`, true);
      return;
    }
    newest += 1;
    preview(null);
    fill("video");
    showCamera(true);
    say("Point the camera at something.");
    at("take").focus();
    await video.play();
  }

  function takePicture() {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    if (!canvas.width) return say("The camera has not started yet.");
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(open);
    return at("camera").focus();
  }

  function listen() {
    at("file").addEventListener("change", (event) => {
      if (event.target.files.length) open(event.target.files[0]);
      // So that the same file can be chosen again.
      event.target.value = "";
    });
    at("camera").addEventListener("click", startCamera);
    at("stop").addEventListener("click", () => {
      stopCamera();
      say("Choose, drop or paste a picture.");
    });
    at("take").addEventListener("click", takePicture);
    addEventListener("paste", ({ clipboardData }) => {
      openFirst(clipboardData.files, "There is no picture in the clipboard.");
    });
    addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.body.classList.remove("dragging");
    });
    addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dragging");
      openFirst(event.dataTransfer.files, "That was not a file: save the picture first.");
    });
  }

  listen();
  alexnet.ready.then(
    () => newest || say("Choose, drop or paste a picture."),
    (error) => say(error.message, true),
  );
})();
