"""More architectures, in fewer kinds of files than those of published_models.py: every module that runs once is written to.

Run with: python test/tools/published_more.py DIR [--genai BUILDERS] [--kinds KIND ...] [ARCHITECTURE ...]
DIR/ARCHITECTURE has what published_models.py writes.
"""

import argparse
import logging
import pathlib

import torch
import transformers as T

import published_models as published
from published_models import DECODER, GROUPED, IDS, IMAGE, TEXT, TOKENS, WORDS, picture, sound

KINDS = ['fp32', 'dynamo', 'int8', 'extended', 'genai-fp32']
EAGER = dict(attn_implementation='eager')
ENDS = dict(bos_token_id=0, eos_token_id=0)
OWN_ENDS = dict(bos_token_id=0, eos_token_id=0, pad_token_id=0)
SPEECH = dict(IMAGE, vocab_size=32, conv_dim=[16] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
FOLDED = dict(image_size=32, patch_size=8)
EXPERTS = dict(experts_implementation='batched_mm')


def decoder(model, config, **options):
    return dict(make=lambda: model(config), inputs=TOKENS, writes='all', decodes=True, **options)


def encoder(model, config, inputs, **options):
    return dict(make=lambda: model(config), inputs=inputs, writes='all', decodes=False, **options)


def spectrogram(frames, bands):
    return {'input_values': torch.randn(2, frames, bands, generator=torch.Generator().manual_seed(5))}


def small_resnet(**options):
    return T.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type='bottleneck', **options)


class Recurrent(torch.nn.Module):
    """A classifier of texts whose last state tells."""

    def __init__(self, kind):
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, 16)
        self.rnn = kind(16, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(24, 5)

    def forward(self, input_ids, return_dict=True):
        return (self.head(torch.tanh(self.rnn(self.embed(input_ids))[0][:, -1])),)


class Double(torch.nn.Module):
    def __init__(self, given, made):
        super().__init__()
        self.first, self.norm, self.second = torch.nn.Conv2d(given, made, 3, padding=1), torch.nn.GroupNorm(4, made), torch.nn.Conv2d(made, made, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.second(torch.nn.functional.silu(self.norm(self.first(x)))))


class UNet(torch.nn.Module):
    """Down by pooling, up by transposed convolution and by interpolation, with what was there before beside it."""

    def __init__(self):
        super().__init__()
        self.down = torch.nn.ModuleList([Double(3, 8), Double(8, 16), Double(16, 32)])
        self.up = torch.nn.ModuleList([torch.nn.ConvTranspose2d(32, 16, 2, stride=2), torch.nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)])
        self.join = torch.nn.ModuleList([Double(32, 16), Double(24, 8)])
        self.out = torch.nn.Conv2d(8, 4, 1)

    def forward(self, pixel_values, return_dict=True):
        x, kept = pixel_values, []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else torch.nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for up, join, beside in zip(self.up, self.join, (kept[1], kept[0])):
            x = join(torch.cat([up(x), beside], 1))
        return (self.out(x),)


STAGES = dict(num_encoder_blocks=2, depths=[1, 1], hidden_sizes=[16, 32], num_attention_heads=[1, 2], mlp_ratios=[2, 2])
ARCHITECTURES = {
    # Decoders
    'biogpt': decoder(T.BioGptForCausalLM, T.BioGptConfig(**DECODER)),
    'bloom': decoder(T.BloomForCausalLM, T.BloomConfig(vocab_size=WORDS, hidden_size=64, n_layer=3, n_head=4, **OWN_ENDS)),
    'codegen': decoder(T.CodeGenForCausalLM, T.CodeGenConfig(vocab_size=WORDS, n_positions=64, n_embd=64, n_layer=3, n_head=4, rotary_dim=8, **ENDS, **EAGER)),
    'cohere': decoder(T.CohereForCausalLM, T.CohereConfig(**GROUPED, logit_scale=0.5)),
    'deepseek_v3': decoder(
        T.DeepseekV3ForCausalLM,
        T.DeepseekV3Config(
            **DECODER, num_key_value_heads=4, q_lora_rank=24, kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=16,
            n_routed_experts=4, num_experts_per_tok=2, n_group=2, topk_group=1, moe_intermediate_size=32, first_k_dense_replace=1, **EXPERTS,
        ),
    ),
    'ernie45': decoder(T.Ernie4_5ForCausalLM, T.Ernie4_5Config(**GROUPED, head_dim=16)),
    'falcon': decoder(
        T.FalconForCausalLM,
        T.FalconConfig(vocab_size=WORDS, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, multi_query=True, parallel_attn=True, bias=False, alibi=False, **ENDS, **EAGER),
    ),
    'gemma': decoder(T.GemmaForCausalLM, T.GemmaConfig(**GROUPED, head_dim=16, hidden_act='gelu_pytorch_tanh'), genai=True),
    'gemma2': decoder(
        T.Gemma2ForCausalLM,
        T.Gemma2Config(**GROUPED, head_dim=16, query_pre_attn_scalar=16, sliding_window=64, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
        genai=True,
    ),
    'gemma3_windows': decoder(
        T.Gemma3ForCausalLM,
        T.Gemma3TextConfig(**GROUPED, head_dim=16, query_pre_attn_scalar=16, sliding_window=4, layer_types=['sliding_attention', 'full_attention', 'sliding_attention']),
    ),
    'glm': decoder(T.GlmForCausalLM, T.GlmConfig(**GROUPED, head_dim=16)),
    'gpt_bigcode': decoder(T.GPTBigCodeForCausalLM, T.GPTBigCodeConfig(vocab_size=WORDS, n_positions=64, n_embd=64, n_layer=3, n_head=4, multi_query=True, **ENDS, **EAGER)),
    'gpt_neo': decoder(
        T.GPTNeoForCausalLM,
        T.GPTNeoConfig(vocab_size=WORDS, max_position_embeddings=64, hidden_size=64, num_layers=3, num_heads=4, attention_types=[[['global', 'local', 'global'], 1]], window_size=4, **ENDS, **EAGER),
    ),
    'gpt_oss': decoder(
        T.GptOssForCausalLM,
        T.GptOssConfig(**GROUPED, head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=64, rope_parameters={'rope_type': 'default', 'rope_theta': 1e4}, **EXPERTS),
    ),
    'gptj': decoder(T.GPTJForCausalLM, T.GPTJConfig(vocab_size=WORDS, n_positions=64, n_embd=64, n_layer=3, n_head=4, rotary_dim=8, **ENDS, **EAGER)),
    'granite': decoder(
        T.GraniteForCausalLM,
        T.GraniteConfig(**GROUPED, residual_multiplier=0.5, logits_scaling=2.0, embedding_multiplier=3.0, attention_multiplier=0.3),
        genai=True,
    ),
    'lfm2': encoder(
        T.Lfm2ForCausalLM,
        T.Lfm2Config(**GROUPED, layer_types=['conv', 'full_attention', 'conv'], block_auto_adjust_ff_dim=False, use_cache=False), TOKENS,
    ),
    'mamba': encoder(
        T.MambaForCausalLM,
        T.MambaConfig(vocab_size=WORDS, hidden_size=64, state_size=8, num_hidden_layers=3, use_mambapy=False, use_cache=False, **OWN_ENDS),
        {'input_ids': IDS}, fixed=True,
    ),
    'mistral': decoder(T.MistralForCausalLM, T.MistralConfig(**GROUPED, sliding_window=5), genai=True),
    'mixtral': decoder(T.MixtralForCausalLM, T.MixtralConfig(**GROUPED, num_local_experts=4, num_experts_per_tok=2, sliding_window=None, **EXPERTS)),
    'mpt': decoder(T.MptForCausalLM, T.MptConfig(vocab_size=WORDS, d_model=64, n_layers=3, n_heads=4, expansion_ratio=2, max_seq_len=64)),
    'nemotron': decoder(T.NemotronForCausalLM, T.NemotronConfig(**GROUPED, hidden_act='relu2')),
    'olmo': decoder(T.OlmoForCausalLM, T.OlmoConfig(**GROUPED)),
    'olmo2': decoder(T.Olmo2ForCausalLM, T.Olmo2Config(**GROUPED), genai=True),
    'phi': decoder(T.PhiForCausalLM, T.PhiConfig(**DECODER, partial_rotary_factor=0.5), genai=True),
    'qwen2_vl_text': encoder(
        T.Qwen2VLTextModel,
        T.Qwen2VLTextConfig(**GROUPED, rope_parameters={'rope_type': 'default', 'rope_theta': 1e4, 'mrope_section': [2, 3, 3]}, use_cache=False), TOKENS,
    ),
    'qwen3_moe': decoder(
        T.Qwen3MoeForCausalLM,
        T.Qwen3MoeConfig(**GROUPED, head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=64, decoder_sparse_step=1, mlp_only_layers=[], **EXPERTS),
    ),
    'smollm3': decoder(T.SmolLM3ForCausalLM, T.SmolLM3Config(**GROUPED, no_rope_layers=[1, 0, 1])),
    'stablelm': decoder(T.StableLmForCausalLM, T.StableLmConfig(**GROUPED, qk_layernorm=True, use_parallel_residual=True)),
    'starcoder2': decoder(T.Starcoder2ForCausalLM, T.Starcoder2Config(**GROUPED, use_bias=True)),
    'xglm': decoder(
        T.XGLMForCausalLM,
        T.XGLMConfig(vocab_size=WORDS, d_model=64, ffn_dim=128, num_layers=3, attention_heads=4, max_position_embeddings=64, bos_token_id=0, eos_token_id=0, pad_token_id=1, **EAGER),
    ),
    # Encoders of text
    'gru': encoder(lambda _: Recurrent(torch.nn.GRU), None, {'input_ids': IDS}),
    'lstm': encoder(lambda _: Recurrent(torch.nn.LSTM), None, {'input_ids': IDS}),
    'albert': encoder(T.AlbertModel, T.AlbertConfig(**TEXT, embedding_size=32, num_hidden_groups=1, inner_group_num=2), TOKENS),
    'clip_text': encoder(T.CLIPTextModelWithProjection, T.CLIPTextConfig(**TEXT, projection_dim=16, eos_token_id=2, pad_token_id=1, bos_token_id=0), TOKENS),
    'deberta': encoder(T.DebertaModel, T.DebertaConfig(**TEXT, relative_attention=True, pos_att_type=['c2p', 'p2c'], position_biased_input=False, max_relative_positions=16), TOKENS),
    'deberta_v2': encoder(
        T.DebertaV2ForSequenceClassification,
        T.DebertaV2Config(**TEXT, relative_attention=True, position_buckets=8, pos_att_type=['c2p', 'p2c'], norm_rel_ebd='layer_norm', share_att_key=True, num_labels=3), TOKENS,
    ),
    'electra': encoder(T.ElectraForPreTraining, T.ElectraConfig(**TEXT, embedding_size=32), TOKENS),
    'esm': encoder(T.EsmModel, T.EsmConfig(**TEXT, pad_token_id=1, position_embedding_type='rotary', mask_token_id=2), TOKENS),
    'mobilebert': encoder(
        T.MobileBertModel,
        T.MobileBertConfig(vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, embedding_size=32, intra_bottleneck_size=32, max_position_embeddings=64),
        TOKENS,
    ),
    'modernbert': encoder(
        T.ModernBertForMaskedLM,
        T.ModernBertConfig(**TEXT, **OWN_ENDS, cls_token_id=0, sep_token_id=0, global_attn_every_n_layers=2, local_attention=6), TOKENS,
    ),
    'squeezebert': encoder(
        T.SqueezeBertModel,
        T.SqueezeBertConfig(vocab_size=WORDS, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, max_position_embeddings=64, embedding_size=64), TOKENS,
    ),
    'xlm_roberta': encoder(T.XLMRobertaForSequenceClassification, T.XLMRobertaConfig(**TEXT, pad_token_id=1), TOKENS),
    # Pictures
    'beit': encoder(T.BeitForImageClassification, T.BeitConfig(**IMAGE, **FOLDED, use_relative_position_bias=True, num_labels=3), picture(32)),
    'blip_vision': encoder(T.BlipVisionModel, T.BlipVisionConfig(**IMAGE, **FOLDED), picture(32)),
    'convnextv2': encoder(T.ConvNextV2ForImageClassification, T.ConvNextV2Config(hidden_sizes=[16, 24], depths=[1, 2], num_stages=2, num_labels=5), picture(32)),
    'depth_anything': encoder(
        T.DepthAnythingForDepthEstimation,
        T.DepthAnythingConfig(
            backbone_config=T.Dinov2Config(
                hidden_size=64, num_hidden_layers=4, num_attention_heads=4, mlp_ratio=2, **FOLDED, out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False, **EAGER,
            ),
            patch_size=8, reassemble_hidden_size=64, neck_hidden_sizes=[8, 12, 16, 20], fusion_hidden_size=16, reassemble_factors=[4, 2, 1, 0.5], head_hidden_size=8,
        ), picture(32),
    ),
    'detr': encoder(
        T.DetrForObjectDetection,
        T.DetrConfig(
            use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=small_resnet(out_features=['stage2']), d_model=32, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_queries=5, num_labels=4, **EAGER,
        ), picture(64),
    ),
    'dpt': encoder(
        T.DPTForDepthEstimation,
        T.DPTConfig(**{**IMAGE, 'num_hidden_layers': 4}, **FOLDED, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=16, reassemble_factors=[4, 2, 1, 0.5]),
        picture(32),
    ),
    'efficientnet': encoder(T.EfficientNetForImageClassification, T.EfficientNetConfig(image_size=32, width_coefficient=0.25, depth_coefficient=0.1, hidden_dim=64, num_labels=5), picture(32)),
    'maskformer': encoder(
        T.MaskFormerForInstanceSegmentation,
        T.MaskFormerConfig(
            fpn_feature_size=32, mask_feature_size=32, num_labels=4, use_timm_backbone=False,
            backbone_config=T.ResNetConfig(embedding_size=16, hidden_sizes=[16, 16, 32, 32], depths=[1, 1, 1, 1], layer_type='bottleneck', out_features=['stage1', 'stage2', 'stage3', 'stage4']),
            decoder_config=T.DetrConfig(
                use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=small_resnet(), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
                decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_queries=5, **EAGER,
            ),
        ), picture(64),
    ),
    'mobilenet_v2': encoder(T.MobileNetV2ForImageClassification, T.MobileNetV2Config(image_size=64, depth_multiplier=0.25, num_labels=5), picture(64)),
    'poolformer': encoder(
        T.PoolFormerForImageClassification,
        T.PoolFormerConfig(num_encoder_blocks=2, depths=[1, 1], hidden_sizes=[16, 32], patch_sizes=[7, 3], strides=[4, 2], padding=[2, 1], num_labels=3), picture(32),
    ),
    'pvt': encoder(T.PvtForImageClassification, T.PvtConfig(image_size=32, **STAGES, sequence_reduction_ratios=[2, 1], patch_sizes=[4, 2], strides=[4, 2], num_labels=3), picture(32)),
    'regnet': encoder(T.RegNetForImageClassification, T.RegNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 2], groups_width=8, num_labels=5), picture(32)),
    'segformer': encoder(
        T.SegformerForSemanticSegmentation, T.SegformerConfig(**STAGES, sr_ratios=[4, 2], patch_sizes=[7, 3], strides=[4, 2], decoder_hidden_size=32, num_labels=4), picture(64)
    ),
    'siglip_vision': encoder(T.SiglipVisionModel, T.SiglipVisionConfig(**IMAGE, **FOLDED), picture(32)),
    'swin': encoder(
        T.SwinForImageClassification,
        T.SwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[1, 2], num_heads=[2, 4], window_size=4, num_labels=5, **EAGER), picture(32),
    ),
    'unet': encoder(lambda _: UNet(), None, picture(32)),
    'yolos': encoder(T.YolosForObjectDetection, T.YolosConfig(**IMAGE, image_size=[32, 32], patch_size=8, num_detection_tokens=5, num_labels=4), picture(32)),
    # Sound
    'ast': encoder(
        T.ASTForAudioClassification,
        T.ASTConfig(**IMAGE, patch_size=8, frequency_stride=8, time_stride=8, max_length=64, num_mel_bins=32, num_labels=4), spectrogram(64, 32),
    ),
    'hubert': encoder(T.HubertForCTC, T.HubertConfig(**SPEECH), sound(4000)),
    'speecht5': encoder(
        T.SpeechT5ForSpeechToText,
        T.SpeechT5Config(
            vocab_size=WORDS, hidden_size=64, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=128, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=128,
            conv_dim=[16] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, max_speech_positions=64, max_text_positions=64, encoder_max_relative_position=8, **EAGER,
        ),
        {**sound(4000), 'decoder_input_ids': IDS[:1]},
    ),
    'wav2vec2_stable': encoder(
        T.Wav2Vec2ForSequenceClassification,
        T.Wav2Vec2Config(**SPEECH, do_stable_layer_norm=True, feat_extract_norm='layer', conv_bias=True, use_weighted_layer_sum=True), sound(4000),
    ),
    'wavlm': encoder(T.WavLMForCTC, T.WavLMConfig(**SPEECH, num_buckets=16, max_bucket_distance=20), sound(4000)),
}  # fmt: skip
published.ARCHITECTURES.update(ARCHITECTURES)


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser()
    parser.add_argument('dir', type=pathlib.Path)
    parser.add_argument('architectures', nargs='*')
    parser.add_argument('--genai', type=pathlib.Path)
    parser.add_argument('--kinds', nargs='*', default=KINDS)
    options = parser.parse_args()
    for name in options.architectures or ARCHITECTURES:
        try:
            published.make(name, options)
        except Exception as error:
            print(name, f'{type(error).__name__}: {str(error)[-300:]}', flush=True)
