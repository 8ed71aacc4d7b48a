"""Small pictures and sounds, and what the processors of transformers make of them.

usage: python media_fixtures.py OUT_FOLDER   (with transformers and Pillow)
"""
import json, struct, sys, wave
from pathlib import Path

import numpy as np
from PIL import Image
from transformers import ASTFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor
from transformers.models.beit.image_processing_pil_beit import BeitImageProcessorPil
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(7)


def picture(height, width, channels):
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(x / (3 + c) + y / (5 - c) + c) for c in range(channels)]
    noise = rng.integers(-30, 30, (height, width, channels))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


pictures = {"wide.png": ("RGB", picture(37, 53, 3)), "tall.png": ("RGB", picture(30, 11, 3)), "clear.png": ("RGBA", picture(20, 24, 4))}
for name, (mode, data) in pictures.items():
    Image.fromarray(data, mode).save(out / name)
Image.fromarray(pictures["wide.png"][1]).save(out / "wide.jpg", quality=90)

small = {"height": 16, "width": 16}
processors = [
    ViTImageProcessorPil(size=small),
    ViTImageProcessorPil(size={"height": 40, "width": 60}, resample=3),
    ViTImageProcessorPil(size=small, resample=1, do_rescale=False, do_normalize=False),
    ViTImageProcessorPil(size=small, resample=0),
    ViTImageProcessorPil(size=small, resample=4, image_mean=[0.1, 0.2, 0.3], image_std=[0.5, 0.6, 0.7]),
    ViTImageProcessorPil(size=small, resample=5, rescale_factor=0.01),
    ViTImageProcessorPil(do_resize=False),
    DeiTImageProcessorPil(size={"height": 20, "width": 20}, crop_size=small),
    DeiTImageProcessorPil(size=small, crop_size={"height": 21, "width": 22}),
    CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=small),
    BitImageProcessorPil(size={"shortest_edge": 18}, crop_size=small),
    SiglipImageProcessorPil(size=small),
    SegformerImageProcessorPil(size={"height": 24, "width": 12}),
    ConvNextImageProcessorPil(size={"shortest_edge": 16}),
    ConvNextImageProcessorPil(size={"shortest_edge": 16}, crop_pct=0.95),
    # What files say in other words, or leave to the class.
    ViTImageProcessorPil(size={"height": 57, "width": 57}, resample=0),
    BeitImageProcessorPil(size=small),
    BeitImageProcessorPil(size=small, do_center_crop=True, crop_size=12),
    SegformerImageProcessorPil(size=small, do_center_crop=True, crop_size=12),
    ConvNextImageProcessorPil(size={"shortest_edge": 16}, do_center_crop=True, crop_size=12),
    DetrImageProcessorPil(size={"shortest_edge": 16, "longest_edge": 24}),
    DetrImageProcessorPil(size={"shortest_edge": 16, "longest_edge": 300}),
    DetrImageProcessorPil(size={"height": 12, "width": 20}, do_pad=False),
]
made = [(processor, {k: v for k, v in processor.to_dict().items() if not k.startswith("_")}) for processor in processors]
for kind in (SiglipImageProcessorPil, ViTImageProcessorPil, BeitImageProcessorPil, CLIPImageProcessorPil):
    config = {"image_processor_type": kind.__name__, "size": 13, **({"crop_size": 9} if kind is CLIPImageProcessorPil else {})}
    made.append((kind.from_dict(config), config))
# As old files have it.
old = {"image_processor_type": "DetrImageProcessorPil", "size": 15, "max_size": 21, "format": "coco_detection"}
made.append((DetrImageProcessorPil.from_dict(old), old))
cases = []
for processor, config in made:
    for name in [*pictures, "wide.jpg"]:
        pixels = processor(Image.open(out / name).convert("RGB"), return_tensors="np")["pixel_values"]
        # Of the whole its sums by row and channel, of each of its rows a value.
        cases.append({"config": config, "picture": name, "dims": list(pixels.shape),
                      "sums": pixels.astype(np.float64).sum(-1).ravel().round(4).tolist(),
                      "diagonal": [round(float(pixels[0, c, y, (3 * y + c) % pixels.shape[-1]]), 6) for c in range(3) for y in range(pixels.shape[2])]})

rate = 16000
t = np.arange(int(0.3 * rate)) / rate
sound = (0.4 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 3000 * t * (1 + t)) + 0.01 * rng.standard_normal(len(t))).astype(np.float32)
ints = np.clip(np.round(sound * 32767), -32768, 32767).astype("<i2")
with wave.open(str(out / "tone.wav"), "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(rate), file.writeframes(ints.tobytes())
heard = ints.astype(np.float32) / 32768
sounds = []
for extractor in [WhisperFeatureExtractor(chunk_length=1), WhisperFeatureExtractor(chunk_length=2, feature_size=128),
                  Wav2Vec2FeatureExtractor(do_normalize=True), Wav2Vec2FeatureExtractor(do_normalize=False),
                  ASTFeatureExtractor(max_length=40), ASTFeatureExtractor(max_length=20, num_mel_bins=32, mean=-3.0, std=2.0),
                  ASTFeatureExtractor(max_length=28, do_normalize=False)]:
    features = extractor(heard, sampling_rate=rate, return_tensors="np")
    value = features["input_features" if "input_features" in features else "input_values"]
    flat = value.ravel()
    config = {k: v for k, v in extractor.to_dict().items() if k not in ("mel_filters", "window")}
    sounds.append({"config": config, "dims": list(value.shape), "step": 37, "values": [round(float(v), 6) for v in flat[::37]],
                   "sum": float(flat.astype(np.float64).sum())})
(out / "processed.json").write_text(json.dumps({"pictures": cases, "sounds": sounds}))
