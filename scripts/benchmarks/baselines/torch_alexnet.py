"""torchvision's AlexNet, written out, trained and used for prediction as its users do.

python torch_alexnet.py step BATCH float32|bfloat16 plain|compile
    one training step on a ready batch for each line of standard input; prints seconds
python torch_alexnet.py epoch FOLDER BATCH EPOCHS float32|bfloat16
python torch_alexnet.py predict FILE WEIGHTS
"""

import sys
import time
from pathlib import Path

import torch
from torch import nn


def alexnet(classes: int) -> nn.Sequential:
    """torchvision.models.alexnet; the average pool is the identity at 224 pixels."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d((6, 6)), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
        nn.Linear(4096, classes),
    )  # fmt: skip


def stepper(precision: str, mode: str = "plain"):
    """A function that trains one step on a batch."""
    model = alexnet(5).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    def forward(images, labels):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return loss(model(images), labels)

    if mode == "compile":
        forward = torch.compile(forward)

    def step(images, labels):
        optimizer.zero_grad(set_to_none=True)
        value = forward(images.to(memory_format=torch.channels_last), labels)
        value.backward()
        optimizer.step()
        return value.item()

    return step


class ImageFolder(torch.utils.data.Dataset):
    """Class folders; images resized, cropped at random and flipped by Pillow."""

    def __init__(self, folder: str) -> None:
        names = sorted(x for x in Path(folder).iterdir() if x.is_dir())
        self.rows = [(f, i) for i, x in enumerate(names) for f in sorted(x.iterdir())]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        import numpy as np
        from PIL import Image

        file, label = self.rows[index]
        left, top, flip = (int(x) for x in torch.randint(0, 33, (3,)))
        with Image.open(file) as opened:
            image = opened.convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
        image = image.crop((left, top, left + 224, top + 224))
        if flip > 16:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        return pixels.float() / 255, label


def main() -> None:
    """Measure a step, epochs, or a prediction."""
    if sys.argv[1] == "step":
        batch, step = int(sys.argv[2]), stepper(*sys.argv[3:5])
        images, labels = torch.rand(batch, 3, 224, 224), torch.randint(0, 5, (batch,))
        for _ in sys.stdin:
            started = time.perf_counter()
            step(images, labels)
            print(time.perf_counter() - started, flush=True)
    elif sys.argv[1] == "epoch":
        folder, batch, epochs, precision = sys.argv[2:]
        data = torch.utils.data.DataLoader(
            ImageFolder(folder),
            int(batch),
            shuffle=True,
            num_workers=2,
            persistent_workers=True,
        )
        step = stepper(precision)
        for epoch in range(int(epochs)):
            started = time.perf_counter()
            for images, labels in data:
                step(images, labels)
            print("epoch", epoch + 1, time.perf_counter() - started, flush=True)
    else:
        import numpy as np
        from PIL import Image

        model = alexnet(5)
        model.load_state_dict(torch.load(sys.argv[3], weights_only=True))
        model.eval()
        with Image.open(sys.argv[2]) as opened:
            image = opened.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            print(model(pixels[None]).softmax(1).max(1))


if __name__ == "__main__":
    main()
